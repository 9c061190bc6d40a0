import t from 'tap'
import { type DaemonDefaults, planPair } from '../../../../src/connector/planner/plan-pair.ts'
import type { PairTarget } from '../../../../src/connector/planner/target.ts'
import { wirePlan } from '../../../../src/connector/wiring/wire-plan.ts'
import type { Listener, Wiring } from '../../../../src/connector/wiring/wiring.ts'
import { parseMaterial } from '../../../../src/material/parse-material.ts'
import type { Plan } from '../../../../src/plan/plan.ts'
import { makeAuthority } from '../../../support/certificates.ts'
import { recordedHost } from '../recorded-host.ts'

const authority = await makeAuthority()
const issued = await authority.issue({ names: ['mail.example.net', 'a.example.net', '*.example.org'] })
const material = await parseMaterial({ ...issued, now: new Date() })

const defaults: DaemonDefaults = {
  service: 'postfix',
  certPath: '/srv/tls/cert.pem',
  keyPath: '/srv/tls/key.pem',
  check: ['check'],
  reload: ['reload'],
}
const pair = [
  { path: '/srv/tls/cert.pem', role: 'certificate' },
  { path: '/srv/tls/key.pem', role: 'key' },
] as const
const other = [
  { path: '/srv/ec/cert.pem', role: 'certificate' },
  { path: '/srv/ec/key.pem', role: 'key' },
] as const
/** A host without links. */
const asWritten = recordedHost({})
const postmap = ['postmap', '-F', 'hash:/srv/sni'] as const
const map = { source: '/srv/sni', mode: 0o600, files: ['/srv/tls/key.pem'], command: postmap }

t.test('without a wiring the plan is what it was', async (t) => {
  const plan = planPair('postfix', {}, material, defaults)

  t.equal(await wirePlan(plan, { unwired: 'not installed', reason: 'It is not here.' }, {}, material, asWritten), plan)
})

t.test('a target that names no endpoint is probed at the listeners that read its files', async (t) => {
  const listeners = [listener({}), listener({ port: 465, protocol: 'tls' }), listener({ port: 26, files: other })]

  const { probes, unverified } = await wired({ listeners })

  t.match(probes, [
    { host: '127.0.0.1', port: 25, protocol: 'smtp', servername: 'mail.example.net', keyType: null, timeoutMs: 10_000 },
    { port: 465, protocol: 'tls' },
  ])
  t.equal(probes.length, 2)
  t.equal(unverified, null)
})

t.test('a target that names endpoints is probed there alone', async (t) => {
  const { probes } = await wired({ listeners: [listener({})] }, { endpoints: ['192.0.2.1:587'] })

  t.match(probes, [{ host: '192.0.2.1', port: 587 }])
  t.equal(probes.length, 1)
})

t.test('a target that wants no verification gets none, and says so', async (t) => {
  const { probes, unverified } = await wired({ listeners: [listener({})] }, { post_deploy_verify: { enabled: false } })

  t.same(probes, [])
  t.match(unverified, /enabled: false/)
})

t.test('one pair in two files is one pair, and files of other pairs are named', async (t) => {
  const chainFiles = pair.toReversed().map(({ path }) => ({ path, role: 'bundle' }) as const)
  const more = other.map(({ path }) => ({ path, role: 'bundle' }) as const)

  const alone = await wired({ listeners: [listener({ files: chainFiles })] })
  const beside = await wired({ listeners: [listener({ files: [...chainFiles, ...more] })] })

  t.match(alone.probes, [{ keyType: null }])
  t.equal(alone.wiring?.beside, undefined)
  t.match(beside.probes, [{ keyType: 'ecdsa' }])
  t.same(beside.wiring?.beside, ['/srv/ec/cert.pem', '/srv/ec/key.pem'])
})

t.test('the key type is asked for where two pairs are served, and only there', async (t) => {
  const { probes } = await wired({ listeners: [listener({ files: [...pair, ...other] }), listener({ port: 26 })] })

  t.same(
    probes.map(({ port, keyType }) => [port, keyType]),
    [
      [25, 'ecdsa'],
      [26, null],
    ],
  )
})

t.test('a listener is asked for each name that reads the files, and without one for its default pair', async (t) => {
  const named = { servername: 'mail.example.com', files: other }
  const both = [listener({}), listener(named), listener({ port: 26 })]

  const { probes: asDefault } = await wired({ listeners: both })
  const { probes: asNamed } = await wired(
    { listeners: both },
    { cert_path: '/srv/ec/cert.pem', key_path: '/srv/ec/key.pem' },
  )

  t.same(
    asDefault.map(({ port, servername }) => [port, servername]),
    [
      [25, null],
      [26, 'mail.example.net'],
    ],
  )
  t.same(
    asNamed.map(({ port, servername }) => [port, servername]),
    [[25, 'mail.example.com']],
  )
})

t.test('a pattern is asked for by a name of the certificate that it alone stands for, else not at all', async (t) => {
  const namesFor = async (...servernames: readonly string[]): Promise<readonly unknown[]> => {
    const { probes } = await wired({ listeners: servernames.map((servername) => listener({ servername })) })
    return probes.map(({ servername }) => servername)
  }

  t.same(await namesFor('*.example.net'), ['mail.example.net'])
  t.same(await namesFor('*.example.net', 'mail.example.net'), ['a.example.net', 'mail.example.net'])
  t.same(await namesFor('*.example.org'), ['waxseal.example.org'])
  t.same(await namesFor('*.example.com'), [])
  const { unverified, wiring } = await wired({ listeners: [listener({ servername: '*.example.com' })] })
  t.match(unverified, /Nothing was verified/)
  t.same(wiring?.names, ['*.example.com'], 'it is a name of the host all the same')
})

t.test('paths that nothing reads are told, with those that are read', async (t) => {
  const target = { cert_path: '/srv/tls/cert.pem', key_path: '/srv/elsewhere.pem', chain_path: '/srv/chain.pem' }

  const { wiring } = await wired({ listeners: [listener({}), listener({ port: 26 })] }, target)

  t.same(wiring, {
    read: ['/srv/tls/cert.pem', '/srv/tls/key.pem'],
    named: [{ path: '/srv/tls/cert.pem', isRoleKnown: true }],
    unread: ['/srv/chain.pem', '/srv/elsewhere.pem'],
    untold: [],
    doubts: [],
    names: [],
    together: [['/srv/tls/cert.pem', '/srv/tls/key.pem']],
  })
})

t.test('while the settings leave something open, a path that no listener reads is not told as unread', async (t) => {
  const doubts = ['The table ldap:sni cannot be read from here.']

  const { wiring } = await wired(
    { listeners: [listener({})], doubts },
    { cert_path: '/srv/a.pem', key_path: '/srv/tls/key.pem' },
  )

  t.match(wiring, { unread: [], untold: ['/srv/a.pem'], doubts })
})

t.test(
  'what is compared is where the paths lead: a listener, a map and a target may write one file in three ways',
  async (t) => {
    const links: Readonly<Record<string, string>> = {
      '/srv/link/cert.pem': '1:2/cert.pem',
      '/srv/tls/cert.pem': '1:2/cert.pem',
    }
    const host = { ...asWritten, identity: async (path: string) => links[path] ?? path }
    const files = [{ path: '/srv/link/cert.pem', role: 'bundle' }] as const
    const maps = [{ ...map, files: ['/srv/link/cert.pem'] }]

    const plan = await wired({ listeners: [listener({ files })], maps }, { key_path: '/srv/tls/cert.pem' }, host)

    t.match(plan.probes, [{ port: 25 }])
    t.same(plan.activate, [postmap, ['reload']])
    t.match(plan.wiring, { read: ['/srv/link/cert.pem'], unread: [] })
  },
)

t.test('another name of the same file is another file after a rename, and the plan says so', async (t) => {
  const host = { ...asWritten, inode: async (path: string) => (path.endsWith('.pem') ? '1:7' : null) }
  const files = [{ path: '/srv/hard.pem', role: 'bundle' }] as const

  const { wiring, remarks } = await wired({ listeners: [listener({ files })] }, { key_path: '/srv/tls/cert.pem' }, host)

  t.match(wiring, { unread: ['/srv/tls/cert.pem'] })
  t.match(remarks, [
    /^\/srv\/hard\.pem is read, another name of the file \/srv\/tls\/cert\.pem .*: it stays the old file\.$/,
  ])
})

t.test('a listener that cannot be judged is named; one that would prove nothing is not looked at', async (t) => {
  const hidden = listener({ doubt: 'STARTTLS is not offered to 127.0.0.1.' })
  const late = listener({ port: 26, doubt: 'It is not reloaded.', unproven: true })

  const { probes, remarks } = await wired({ listeners: [hidden, hidden, late, listener({ port: 27, proxy: 1 })] })

  t.same(
    probes.map(({ port, proxy }) => [port, proxy]),
    [
      [25, undefined],
      [25, undefined],
      [27, 1],
    ],
  )
  t.same(remarks, ['STARTTLS is not offered to 127.0.0.1.', 'It is not reloaded.'])
  t.equal((await wired({ listeners: [late] }, { endpoints: ['192.0.2.1:25'] })).remarks, undefined)
})

t.test('who reads the key alone, for another certificate, is not asked for the new one, and is told', async (t) => {
  const sharing = listener({
    servername: 'www.example.com',
    files: [
      { path: '/srv/www.pem', role: 'certificate' },
      { path: '/srv/tls/key.pem', role: 'key' },
    ],
  })

  const { probes, wiring } = await wired({ listeners: [listener({}), sharing] })

  t.same(
    probes.map(({ servername }) => servername),
    [null],
  )
  t.same(wiring?.names, [])
  t.same(wiring?.together, [['/srv/www.pem', '/srv/tls/key.pem']])
})

t.test(
  'names of the new certificate that another pair answers are told, unless that pair is the new one',
  async (t) => {
    const answering = (servername: string, changes: Partial<Listener> = {}): Listener =>
      listener({ servername, files: other, ...changes })
    const remarksOf = async (...more: readonly Listener[]): Promise<Plan['remarks']> =>
      (await wired({ listeners: [listener({}), ...more] })).remarks
    const holding = recordedHost({}, { '/srv/ec/cert.pem': { text: issued.certificatePem, mode: 0o644 } })

    const told = await remarksOf(answering('mail.example.net'), answering('x.example.org'), answering('a.example.com'))
    const elsewhere = await remarksOf(answering('mail.example.net', { port: 26 }))
    const same = await wired({ listeners: [listener({}), answering('mail.example.net')] }, {}, holding)

    t.same(told, [
      'Clients that ask for mail.example.net, x.example.org are shown /srv/ec/cert.pem in place of this pair, and that is not replaced with it.',
    ])
    t.equal(elsewhere, undefined)
    t.equal(same.remarks, undefined)
  },
)

t.test('a daemon whose configuration is broken is planned for, with a remark', async (t) => {
  const plan = planPair('postfix', {}, material, defaults)
  const broken = { unwired: 'broken', reason: 'postconf could not tell its settings: fatal' } as const

  const { remarks, ...rest } = await wirePlan(plan, broken, {}, material, asWritten)

  t.same(rest, plan)
  t.match(remarks, [/is not known, for its configuration is broken: postconf could not tell its settings: fatal$/])
})

t.test('a path that is only named, for connections that cannot be made from here, is read', async (t) => {
  const { wiring, probes } = await wired({ listeners: [], named: ['/srv/tls/cert.pem', '/srv/tls/key.pem'] })

  t.same(wiring?.unread, [])
  t.same(probes, [])
})

t.test('a map that holds a copy of the files is compiled before the reload, in a recovery too', async (t) => {
  const { activate, recover } = await wired({ maps: [map, { ...map, files: ['/srv/else.pem'], mode: 0o644 }] })

  t.same(activate, [postmap, ['reload']])
  t.same(recover, [postmap, ['reload']])
})

t.test('a map that everyone could read is refused before anything is touched', async (t) => {
  for (const mode of [0o644, 0o604]) {
    await t.rejects(wired({ maps: [{ ...map, mode }] }), {
      code: 'TARGET_INVALID',
      details: { field: 'key_path', reason: /chmod o-r \/srv\/sni$/ },
    })
  }
  await t.resolves(wired({ maps: [{ ...map, mode: 0o640 }] }))
})

t.test('a map that is not compiled holds no copy: everyone may read its source', async (t) => {
  const { activate } = await wired({ maps: [{ ...map, mode: 0o644, command: null }] })

  t.same(activate, [['reload']])
})

function listener(changes: Partial<Listener>): Listener {
  return { name: 'smtp', host: '127.0.0.1', port: 25, protocol: 'smtp', servername: null, files: pair, ...changes }
}

function wired(wiring: Partial<Wiring>, target: PairTarget = {}, host = asWritten): Promise<Plan> {
  const plan = planPair('postfix', target, material, defaults)
  return wirePlan(plan, { listeners: [], maps: [], named: [], doubts: [], ...wiring }, target, material, host)
}

t.test(
  'a path is named in the role that it is read in, and in one that cannot be told where no listener reads it',
  async (t) => {
    const swapped = { cert_path: '/srv/tls/key.pem', key_path: '/srv/tls/cert.pem' }
    const client = { cert_path: '/srv/client.pem', key_path: '/srv/tls/key.pem' }

    t.equal((await wired({ listeners: [listener({})] }, swapped)).wiring?.named, undefined)
    t.same((await wired({ listeners: [listener({})], named: ['/srv/client.pem'] }, client)).wiring?.named, [
      { path: '/srv/client.pem', isRoleKnown: false },
      { path: '/srv/tls/key.pem', isRoleKnown: true },
    ])
  },
)

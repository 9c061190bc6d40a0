import t from 'tap'
import { type DaemonDefaults, planPair } from '../../../src/connector/plan-pair.ts'
import type { PairTarget } from '../../../src/connector/target.ts'
import { wirePlan } from '../../../src/connector/wire-plan.ts'
import type { Listener, Wiring } from '../../../src/connector/wiring.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import type { Plan } from '../../../src/plan/plan.ts'
import { makeAuthority } from '../../support/certificates.ts'

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
const postmap = ['postmap', '-F', 'hash:/srv/sni'] as const
const map = { source: '/srv/sni', mode: 0o600, files: ['/srv/tls/key.pem'], command: postmap }

t.test('without a wiring the plan is what it was', async (t) => {
  const plan = planPair('postfix', {}, material, defaults)

  t.equal(wirePlan(plan, { unwired: 'not installed', reason: 'It is not here.' }, {}, material), plan)
})

t.test('a target that names no endpoint is probed at the listeners that read its files', async (t) => {
  const listeners = [listener({}), listener({ port: 465, protocol: 'tls' }), listener({ port: 26, files: other })]

  const { probes, unverified } = wired({ listeners })

  t.match(probes, [
    { host: '127.0.0.1', port: 25, protocol: 'smtp', servername: 'mail.example.net', keyType: null, timeoutMs: 10_000 },
    { port: 465, protocol: 'tls' },
  ])
  t.equal(probes.length, 2)
  t.equal(unverified, null)
})

t.test('a target that names endpoints is probed there alone', async (t) => {
  const { probes } = wired({ listeners: [listener({})] }, { endpoints: ['192.0.2.1:587'] })

  t.match(probes, [{ host: '192.0.2.1', port: 587 }])
  t.equal(probes.length, 1)
})

t.test('a target that wants no verification gets none, and says so', async (t) => {
  const { probes, unverified } = wired({ listeners: [listener({})] }, { post_deploy_verify: { enabled: false } })

  t.same(probes, [])
  t.match(unverified, /enabled: false/)
})

t.test('the key type is asked for where two pairs are served, and only there', async (t) => {
  const { probes } = wired({ listeners: [listener({ files: [...pair, ...other] }), listener({ port: 26 })] })

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

  const asDefault = wired({ listeners: both }).probes
  const asNamed = wired({ listeners: both }, { cert_path: '/srv/ec/cert.pem', key_path: '/srv/ec/key.pem' }).probes

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
  const namesFor = (...servernames: readonly string[]): readonly unknown[] =>
    wired({ listeners: servernames.map((servername) => listener({ servername })) }).probes.map(
      ({ servername }) => servername,
    )

  t.same(namesFor('*.example.net'), ['mail.example.net'])
  t.same(namesFor('*.example.net', 'mail.example.net'), ['a.example.net', 'mail.example.net'])
  t.same(namesFor('*.example.org'), ['waxseal.example.org'])
  t.same(namesFor('*.example.com'), [])
  t.match(wired({ listeners: [listener({ servername: '*.example.com' })] }).unverified, /Nothing was verified/)
})

t.test('paths that nothing reads are told, with those that are read', async (t) => {
  const target = { cert_path: '/srv/tls/cert.pem', key_path: '/srv/elsewhere.pem', chain_path: '/srv/chain.pem' }

  const { wiring } = wired({ listeners: [listener({}), listener({ port: 26 })] }, target)

  t.same(wiring, {
    read: ['/srv/tls/cert.pem', '/srv/tls/key.pem'],
    unread: ['/srv/chain.pem', '/srv/elsewhere.pem'],
  })
})

t.test('a path that is only named, for connections that cannot be made from here, is read', async (t) => {
  const { wiring, probes } = wired({ listeners: [], named: ['/srv/tls/cert.pem', '/srv/tls/key.pem'] })

  t.same(wiring?.unread, [])
  t.same(probes, [])
})

t.test('a map that holds a copy of the files is compiled before the reload, in a recovery too', async (t) => {
  const { activate, recover } = wired({ maps: [map, { ...map, files: ['/srv/else.pem'], mode: 0o644 }] })

  t.same(activate, [postmap, ['reload']])
  t.same(recover, [postmap, ['reload']])
})

t.test('a map that everyone could read is refused before anything is touched', async (t) => {
  for (const mode of [0o644, 0o604]) {
    t.throws(() => wired({ maps: [{ ...map, mode }] }), {
      code: 'TARGET_INVALID',
      details: { field: 'key_path', reason: /chmod o-r \/srv\/sni$/ },
    })
  }
  t.doesNotThrow(() => wired({ maps: [{ ...map, mode: 0o640 }] }))
})

t.test('a map that is not compiled holds no copy: everyone may read its source', async (t) => {
  const { activate } = wired({ maps: [{ ...map, mode: 0o644, command: null }] })

  t.same(activate, [['reload']])
})

function listener(changes: Partial<Listener>): Listener {
  return { name: 'smtp', host: '127.0.0.1', port: 25, protocol: 'smtp', servername: null, files: pair, ...changes }
}

function wired(wiring: Partial<Wiring>, target: PairTarget = {}): Plan {
  const plan = planPair('postfix', target, material, defaults)
  return wirePlan(plan, { listeners: [], maps: [], named: [], doubts: [], ...wiring }, target, material)
}

import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { Certificate, Material } from '../../../src/material/material.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import type { Plan } from '../../../src/plan/plan.ts'
import { advise } from '../../../src/policy/advise.ts'
import { answering, startAnswering } from '../../support/answering-server.ts'
import { makeAuthority } from '../../support/certificates.ts'

type Policy = Parameters<typeof advise>[3]

const start = Math.floor(Date.now() / 1000) * 1000
const hourMs = 3_600_000
const root = await makeAuthority()
const authority = await root.intermediate()
const material = await materialOf(['mail.example.net'])
const careless = { unrelatedNames: 'warn', missingChain: 'warn', keyType: 'warn', worse: 'warn' } as const
const deaf = await deafResolver()
const lax: Policy = { unreadPaths: 'warn', uncoveredNames: 'warn', dane: 'off', resolvers: [deaf], ...careless }
const strict: Policy = { ...lax, unreadPaths: 'refuse', uncoveredNames: 'refuse' }

t.test('paths that a listener reads, and names that the certificate covers, need no advice', async (t) => {
  const wiring = wiringOf({ read: ['/etc/postfix/cert.pem'] })
  const plan = planOf({ wiring, servernames: ['mail.example.net'] })

  t.same(await adviseOn(plan, material, material.leaf, strict), [])
})

t.test('a path that nothing reads is a warning that names it and the paths that are read', async (t) => {
  const unread = ['/etc/postfix/old-cert.pem', '/etc/postfix/old-key.pem']
  const wiring = wiringOf({ read: ['/etc/postfix/cert.pem'], unread })

  t.same(await adviseOn(planOf({ wiring }), material, null, lax), [
    'No TLS listener of postfix reads /etc/postfix/old-cert.pem, /etc/postfix/old-key.pem; ' +
      'by its settings it reads /etc/postfix/cert.pem.',
  ])
  t.match(await adviseOn(planOf({ wiring: wiringOf({ unread }) }), material, null, lax), [/it reads no file at all\.$/])
})

t.test('a path that nothing reads is refused where the policy says so', async (t) => {
  const wiring = wiringOf({ read: ['/etc/postfix/cert.pem'], unread: ['/etc/postfix/old.pem'] })

  await t.rejects(adviseOn(planOf({ wiring }), material, null, strict), {
    code: 'PATH_NOT_READ',
    host: 'untouched',
    details: { paths: wiring.unread, reads: wiring.read, setting: 'policy.unread_paths' },
  })
})

t.test(
  'of a path that may be read all the same, it is said that it cannot be told, and why; it is never refused',
  async (t) => {
    const wiring = wiringOf({ untold: ['/etc/postfix/a.pem'], doubts: ['The table ldap:x cannot be read from here.'] })

    for (const policy of [lax, strict])
      t.same(await adviseOn(planOf({ wiring }), material, null, policy), [
        'It cannot be told whether postfix reads /etc/postfix/a.pem: The table ldap:x cannot be read from here.',
      ])
  },
)

t.test(
  'where the settings of the daemon could not be asked, no path is unread and no listener has a name',
  async (t) => {
    const plan = planOf({ wiring: null, servernames: ['www.example.org'] })

    t.same(await adviseOn(plan, material, null, strict), [])
  },
)

t.test('a name of the live certificate or of a listener that is no longer covered is a warning', async (t) => {
  const live = (await materialOf(['mail.example.net', 'imap.example.net'])).leaf
  const plan = planOf({ wiring: wiringOf({}), servernames: ['smtp.example.net', null, 'imap.example.net'] })

  t.same(await adviseOn(plan, material, live, lax), [
    'The new certificate does not cover imap.example.net, smtp.example.net, which this host serves.',
  ])
})

t.test('a name that is no longer covered is refused where the policy says so', async (t) => {
  const live = (await materialOf(['mail.example.net', 'imap.example.net'])).leaf

  await t.rejects(adviseOn(planOf({}), material, live, strict), {
    code: 'NAME_NOT_COVERED',
    host: 'untouched',
    details: { names: ['imap.example.net'], setting: 'policy.uncovered_names' },
  })
})

t.test('a wildcard covers one label, whatever its case, and itself', async (t) => {
  const wildcard = await materialOf(['*.Example.net'])
  const live = (names: readonly string[]) => materialOf(names).then(({ leaf }) => leaf)

  for (const name of ['mail.example.net', 'MAIL.EXAMPLE.NET', '*.example.net']) {
    t.same(await adviseOn(planOf({}), wildcard, await live([name]), strict), [], name)
  }
  for (const name of [
    'example.net',
    'a.mail.example.net',
    '*.mail.example.net',
    'mail.example.org',
    'badexample.net',
  ]) {
    await t.rejects(adviseOn(planOf({}), wildcard, await live([name]), strict), { code: 'NAME_NOT_COVERED' }, name)
  }
})

t.test('a name does not cover the wildcard that it falls under', async (t) => {
  const live = (await materialOf(['*.example.net'])).leaf

  await t.rejects(adviseOn(planOf({}), material, live, strict), {
    code: 'NAME_NOT_COVERED',
    details: { names: ['*.example.net'] },
  })
})

t.test('the names of probes, of the new and of the live certificate are looked up for every port, once', async (t) => {
  const wildcard = await materialOf(['*.example.net', 'example.net', 'user@example.net'], ['192.0.2.7'])
  const live = (await materialOf(['MX.example.net', 'mail.example.net'])).leaf
  const plan = planOf({ ports: [25, 465, 25], servernames: ['mail.example.net', null] })

  const warnings = await adviseOn(plan, wildcard, live, { ...lax, dane: 'warn' })

  t.same(
    ownersIn(warnings),
    ['mail', '', 'mx'].flatMap((label) =>
      [25, 465].map((port) => `_${port}._tcp.${label === '' ? '' : `${label}.`}example.net`),
    ),
  )
})

t.test('a resolver that does not answer is a warning and holds nothing', async (t) => {
  for (const dane of ['warn', 'hold'] as const) {
    t.same(await adviseOn(planOf({}), material, null, { ...lax, dane }), [
      'No answer about the TLSA records of _25._tcp.mail.example.net (ECONNREFUSED).',
    ])
  }
})

t.test('a resolver whose address cannot be read is a warning and holds nothing', async (t) => {
  const policy: Policy = { ...lax, dane: 'hold', resolvers: ['ns.example.net'] }

  t.match(await adviseOn(planOf({}), material, null, policy), [
    /_25\._tcp\.mail\.example\.net \(ENOSERVER\)/,
    /^ENOSERVER: there is no DNS server to ask\. Name one/,
  ])
})

t.test('nothing is looked up where DANE is off, or where no port is known', async (t) => {
  t.same(await adviseOn(planOf({}), material, null, lax), [])
  t.same(await adviseOn(planOf({ ports: [] }), material, null, { ...lax, dane: 'hold' }), [])
})

t.test('what is beyond fifty lookups is not asked, and a warning says so', async (t) => {
  const many = await materialOf(Array.from({ length: 26 }, (_, index) => `mail${index}.example.net`))
  const plan = planOf({ ports: [25, 465] })

  const warnings = await adviseOn(plan, many, null, { ...lax, dane: 'hold' })

  t.equal(ownersIn(warnings).length, 50)
  t.match(warnings, [/^No answer/, 'Only the first 50 of 52 TLSA owner names were asked about.'])
})

for (const [usage, selector] of [
  [2, 1],
  [3, 0],
] as const) {
  t.test(
    `what the host renewed by itself waits where the record ${usage} ${selector} 1 matches the live pair alone`,
    async (t) => {
      const { live, next, publish, adviseOnOwn } = await renewedSite(t, usage, selector)
      const warned = [
        `No TLSA record of _25._tcp.mail.example.net matches the new pair: DANE senders will refuse it. Publish: ${publish}`,
      ]
      const nearEnd = live.notAfter - 12 * hourMs

      await t.rejects(adviseOnOwn({ now: nearEnd - 1, isOwn: true }), {
        code: 'DANE_MISMATCH',
        host: 'untouched',
        details: { publish: [publish], until: new Date(nearEnd).toISOString() },
      })
      t.same(await adviseOnOwn({ now: nearEnd, isOwn: true }), warned, 'the live certificate is about to end')
      t.same(await adviseOnOwn({ now: live.notAfter + 1, isOwn: true }), warned, 'it has ended')
      t.same(await adviseOnOwn({ now: nearEnd - 1 }), warned, 'it was asked for')
      t.same(await adviseOnOwn({ now: nearEnd - 1, isOwn: true }, next), warned, 'the live pair matches none either')
    },
  )
}

t.test('what the host renewed by itself does not wait where a record stands for its key', async (t) => {
  const { adviseOnOwn, live } = await renewedSite(t, 3, 1)

  t.same(await adviseOnOwn({ now: live.notAfter - 24 * hourMs, isOwn: true }), [])
})

t.test('of a certificate that lives for hours the end is near for a fifteenth of its life', async (t) => {
  const { adviseOnOwn, live } = await renewedSite(t, 2, 1, 15)

  await t.rejects(adviseOnOwn({ now: live.notAfter - hourMs - 1, isOwn: true }), { code: 'DANE_MISMATCH' })
  t.equal((await adviseOnOwn({ now: live.notAfter - hourMs, isOwn: true })).length, 1)
})

/** A live pair with this record of it, and one of another issuer with the same key; the live one lives for so many hours. */
async function renewedSite(t: Test, usage: number, selector: 0 | 1, hours = 2160) {
  const [notBefore, notAfter] = [new Date(start), new Date(start + hours * hourMs)]
  const names = ['mail.example.net']
  const pair = await authority.issue({ names, notBefore, notAfter })
  const other = await (await makeAuthority()).intermediate()
  const live = await parseMaterial({ ...pair, now: notBefore })
  const renewed = await other.issue({ names, keyOf: pair, notBefore, notAfter })
  const next = await parseMaterial({ ...renewed, now: notBefore })
  const [issuer = live.leaf] = live.chain
  const { der, spki } = usage === 2 ? issuer : live.leaf
  const certificate = createHash('sha256')
    .update(selector === 0 ? der : spki)
    .digest()
  const { address, port } = await startAnswering(t, ({ name }) =>
    answering({ type: 'TLSA', name, ttl: 60, data: { usage, selector, matchingType: 1, certificate } }),
  )
  const policy: Policy = { ...lax, dane: 'warn', resolvers: [`${address}:${port}`] }
  return {
    live: { notAfter: Date.parse(live.leaf.notAfter) },
    next,
    publish: `_25._tcp.mail.example.net. IN TLSA 3 1 1 ${live.leaf.spkiSha256}`,
    adviseOnOwn: (judge: { readonly now: number; readonly isOwn?: boolean }, served = live) =>
      advise(planOf({}), next, { certificates: [served.leaf, ...served.chain], beside: [] }, policy, {
        roots: () => new Map(),
        ...judge,
      }),
  }
}

/** A UDP port of this host that nobody listens on. */
async function deafResolver(): Promise<string> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return `127.0.0.1:${port}`
}

/** With this one leaf live, and no pair beside it. */
function adviseOn(plan: Plan, pair: Material, live: Certificate | null, policy: Policy): ReturnType<typeof advise> {
  return advise(plan, pair, { certificates: live === null ? [] : [live], beside: [] }, policy, {
    roots: () => new Map(),
    now: Date.now(),
  })
}

function ownersIn(warnings: readonly string[]): readonly string[] {
  return warnings.flatMap((warning) => warning.match(/_\d+\._tcp\.[a-z0-9.-]+/g) ?? [])
}

async function materialOf(names: readonly string[], ips: readonly string[] = []): Promise<Material> {
  return parseMaterial({ ...(await authority.issue({ names, ips })), now: new Date() })
}

function wiringOf(wiring: Partial<NonNullable<Plan['wiring']>>): NonNullable<Plan['wiring']> {
  return { read: [], unread: [], untold: [], doubts: [], names: [], ...wiring }
}

/** A probe for each port and server name. */
function planOf(wanted: {
  readonly wiring?: Plan['wiring']
  readonly servernames?: readonly (string | null)[]
  readonly ports?: readonly number[]
}): Plan {
  const { wiring = null, servernames = [null], ports = [25] } = wanted
  const look = { host: '127.0.0.1', protocol: 'smtp', keyType: null, timeoutMs: 1000 } as const
  return {
    connector: 'postfix',
    service: 'postfix',
    files: [],
    check: null,
    activate: [],
    recover: [],
    probes: ports.flatMap((port) => servernames.map((servername) => ({ ...look, port, servername }))),
    unverified: null,
    wiring,
    retry: { attempts: 1, initialMs: 1, maxMs: 1 },
    generation: null,
    backupRetention: 3,
  }
}

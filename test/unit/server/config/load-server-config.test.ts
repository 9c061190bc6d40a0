import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ErrorDetails, WaxsealError } from '../../../../src/error/waxseal-error.ts'
import { isRoot } from '../../../../src/host/host-facts.ts'
import { defaultServerConfigFile, loadServerConfig } from '../../../../src/server/config/load-server-config.ts'
import type { ServerConfig } from '../../../../src/server/config/server-config.ts'

const asRoot = { skip: isRoot() ? false : 'only root can give files away' }
const nobody = 65_534

t.test('an empty file is a configuration in which the bundled CA signs', async (t) => {
  t.same(await load(t, ''), {
    dns: [],
    resolvers: [],
    issuers: { hasLocal: true, others: [], order: ['local'] },
    notify: null,
    versions: { keep: 5, keptMs: 90 * 86_400_000 },
  })
})

t.test('a file that was not named may be missing, one that was named may not', async (t) => {
  t.match(await loadServerConfig(null), { issuers: { hasLocal: true } }, `no ${defaultServerConfigFile} here`)
  t.match(await refusal(loadServerConfig('/nonexistent/x.yaml')), { reason: 'there is no such file' })
})

t.test('everything that can be written is read', async (t) => {
  const text = `
    dns:
      - zone: Example.ORG.
        nsupdate: { server: "2001:db8::53", port: 5353, key_file: DIR/tsig.key }
      - { zone: example.net, hook: [DIR/publish, --zone], wait: 120s }
    issuers:
      le:
        acme: https://acme-v02.api.letsencrypt.org/directory
        account_key: DIR/not-yet.key
        contact: ["mailto:postmaster@example.org"]
        accept_terms: true
        eab: { kid: abc, key_file: DIR/eab.key }
        profile: shortlived
        ca_file: DIR/ca.pem
        challenges: [http]
        http_look: false
        limits: { orders: "2 per 1h", failures: off }
      other: { module: DIR/other.mjs, config: { a: [1] } }
      private: { acme: "https://ca.example.net/dir", accept_terms: true }
    issuer_order: [le, local]
    resolvers: [127.0.0.1, "[::1]:5353"]`

  const { dns, resolvers, issuers } = await load(t, text)

  t.same(resolvers, [
    { address: '127.0.0.1', port: 53 },
    { address: '::1', port: 5353 },
  ])

  t.match(dns, [
    { zone: 'example.org', nsupdate: { server: '2001:db8::53', port: 5353 }, wait: 'authoritative' },
    { zone: 'example.net', hook: [/publish$/, '--zone'], wait: 120_000 },
  ])
  t.match(issuers.others, [
    {
      kind: 'acme',
      name: 'le',
      directory: 'https://acme-v02.api.letsencrypt.org/directory',
      eab: { kid: 'abc' },
      profile: 'shortlived',
      challenges: ['http'],
      looksFirst: false,
      limits: {
        sameNames: { most: 5, perMs: 604_800_000 },
        registeredDomain: { most: 50, perMs: 604_800_000 },
        orders: { most: 2, perMs: 3_600_000 },
        failures: null,
      },
    },
    { kind: 'module', name: 'other', config: { a: [1] } },
    {
      kind: 'acme',
      name: 'private',
      accountKey: null,
      looksFirst: true,
      limits: { sameNames: null, registeredDomain: null, orders: null, failures: null },
    },
  ])
  t.same(issuers.order, ['le', 'local'])
})

t.test('without the bundled CA the others are asked as they are written', async (t) => {
  const text = `issuers: { local: false, b: { module: DIR/other.mjs }, a: { module: DIR/other.mjs } }`

  t.match((await load(t, text)).issuers, { hasLocal: false, order: ['b', 'a'] })
})

t.test('what is wrong is named with its setting, and with what is meant', async (t) => {
  const acme = 'acme: "https://a.example/dir", accept_terms: true'
  const wrong: readonly (readonly [text: string, path: string, says: RegExp])[] = [
    ['isuers: {}', 'isuers', /Is issuers meant/],
    ['dns: [{ zoen: a }]', 'dns[0]', /lacks zone/],
    ['dns: [{ zone: a.example, hok: [/bin/true] }]', 'dns[0].hok', /Is hook meant/],
    ['dns: [{ zone: a.example }]', 'dns[0]', /one of nsupdate and hook/],
    ['dns: [{ zone: a.example, hook: [true-ish] }]', 'dns[0].hook', /no path/],
    ['dns: [{ zone: "a..example", hook: [/bin/true] }]', 'dns[0].zone', /pattern/],
    ['dns: [{ zone: a.example, hook: [/bin/true], wait: soon }]', 'dns[0].wait', /duration/],
    ['dns: [{ zone: a.b, hook: [/bin/true] }, { zone: A.B, hook: [/bin/true] }]', 'dns[1].zone', /entry already/],
    ['dns: [{ zone: a.b, nsupdate: { server: "x y", key_file: DIR/tsig.key } }]', 'dns[0].nsupdate.server', /pattern/],
    ['dns: [{ zone: a.b, nsupdate: { server: x, key_file: DIR/none } }]', 'dns[0].nsupdate.key_file', /no file/],
    ['issuers: { le: { acmee: "https://a.example" } }', 'issuers.le', /one of acme and module/],
    [`issuers: { le: { ${acme}, profil: x } }`, 'issuers.le.profil', /Is profile meant/],
    ['issuers: { le: { acme: "http://a.example", accept_terms: true } }', 'issuers.le.acme', /https/],
    ['issuers: { le: { acme: "https://a.example/dir" } }', 'issuers.le.accept_terms', /terms/],
    [`issuers: { le: { ${acme}, limits: { orders: "many" } } }`, 'issuers.le.limits.orders', /no rate/],
    [`issuers: { le: { ${acme}, limits: { order: "1 per 1h" } } }`, 'issuers.le.limits.order', /Is orders meant/],
    [`issuers: { le: { ${acme}, contact: [postmaster] } }`, 'issuers.le.contact[0]', /pattern/],
    [`issuers: { le: { ${acme}, eab: { kid: a, key_file: DIR/none } } }`, 'issuers.le.eab.key_file', /no file/],
    [`issuers: { le: { ${acme}, ca_file: DIR/none } }`, 'issuers.le.ca_file', /ENOENT/],
    ['issuers: { x: { module: DIR/none.mjs } }', 'issuers.x.module', /ENOENT/],
    ['issuers: { local: false }', 'issuers', /nobody is left/],
    ['resolvers: [127.0.0.1, resolver]', 'resolvers[1]', /not the address/],
    ['issuer_order: [lokal]', 'issuer_order', /Is local meant/],
    ['notify: { mails: {} }', 'notify.mails', /Is mail meant/],
    ['notify: { mail: { to: ["a@b.example\\nBcc: c@d.example"] } }', 'notify.mail.to[0]', /pattern/],
    ['notify: { command: [page] }', 'notify.command', /absolute path/],
    ['notify: { command: [DIR/none] }', 'notify.command', /ENOENT/],
    [
      'notify: { webhooks: [{ url: "http://a.example", secret_file: DIR/tsig.key }] }',
      'notify.webhooks[0].url',
      /https/,
    ],
    ['notify: { webhooks: [{ url: "https://", secret_file: DIR/tsig.key }] }', 'notify.webhooks[0].url', /no URL/],
    [
      'notify: { webhooks: [{ url: "https://a.b", secret_file: DIR/none }] }',
      'notify.webhooks[0].secret_file',
      /no file/,
    ],
    ['notify: { leave_out: [drifts] }', 'notify.leave_out[0]', /one of/],
    ['notify: { silent_after: 90d }', 'notify.silent_after', /longer/],
  ]

  for (const [text, path, says] of wrong) {
    const details = await refusal(load(t, text))
    t.equal(details['path'], path, text)
    t.match(`${details['reason']} ${details['hint']}`, says, text)
  }
})

t.test('a secret that every user can read is refused, with the command that mends it', async (t) => {
  const { file, folder } = layOut(t, 'dns: [{ zone: a.b, nsupdate: { server: x, key_file: DIR/tsig.key } }]')
  chmodSync(join(folder, 'tsig.key'), 0o644)

  t.match(await refusal(loadServerConfig(file)), {
    path: 'dns[0].nsupdate.key_file',
    reason: /all users can read .*chmod o= /,
  })
})

t.test('a secret that the group of the service reads is taken', async (t) => {
  const { file, folder } = layOut(t, 'dns: [{ zone: a.b, nsupdate: { server: x, key_file: DIR/tsig.key } }]')
  chmodSync(join(folder, 'tsig.key'), 0o640)

  t.match(await loadServerConfig(file), { dns: [{ zone: 'a.b' }] })
})

t.test('what another user could change is refused: the file, and each file that it names', asRoot, async (t) => {
  const text = `
    dns:
      - { zone: a.b, nsupdate: { server: x, key_file: DIR/tsig.key } }
      - { zone: b.b, hook: [DIR/publish] }
    issuers:
      le: { acme: "https://a.example/d", accept_terms: true, ca_file: DIR/ca.pem, eab: { kid: a, key_file: DIR/eab.key } }
      x: { module: DIR/other.mjs }`
  const { file, folder } = layOut(t, text)
  await loadServerConfig(file)

  for (const name of ['control-plane.yaml', 'tsig.key', 'publish', 'ca.pem', 'eab.key', 'other.mjs']) {
    chownSync(join(folder, name), nobody, 0)
    t.match(await refusal(loadServerConfig(file)), { reason: new RegExp(`${name} belongs to another user`) }, name)
    chownSync(join(folder, name), 0, 0)
  }
})

function load(t: Test, text: string): Promise<ServerConfig> {
  return loadServerConfig(layOut(t, text).file)
}

function layOut(t: Test, text: string): { readonly file: string; readonly folder: string } {
  const folder = t.testdir({ 'tsig.key': '', 'eab.key': '', publish: '', 'ca.pem': '', 'other.mjs': '' })
  for (const name of ['tsig.key', 'eab.key']) chmodSync(join(folder, name), 0o600)
  const file = join(folder, 'control-plane.yaml')
  writeFileSync(file, text.replaceAll('DIR', folder))
  return { file, folder }
}

async function refusal(loading: Promise<ServerConfig>): Promise<ErrorDetails> {
  const error = await loading.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof WaxsealError && error.code === 'CONFIG_INVALID') return error.details
  throw new Error('it was not refused', { cause: error })
}

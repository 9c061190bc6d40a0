import t from 'tap'
import { parseSettings } from '../../../../src/connector/dovecot/parse-settings.ts'

t.test('settings and blocks are found where they stand', async (t) => {
  const settings = parseSettings(`# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf
ssl_cert = </srv/tls/cert.pem
ssl_alt_cert = 
login_greeting = Dovecot (Debian) ready = soon.
service imap-login {
  inet_listener imaps {
    port = 993
    ssl = yes
  }
  user = $default_login_user
}
local_name "a.example.org b.example.org" {
  ssl_cert = </srv/tls/ab.pem
}
userdb {
  driver = passwd
}
`)

  t.same(
    [...settings.values],
    [
      ['ssl_cert', '</srv/tls/cert.pem'],
      ['ssl_alt_cert', ''],
      ['login_greeting', 'Dovecot (Debian) ready = soon.'],
    ],
  )
  t.same(
    settings.blocks.map(({ kind, name, values }) => ({ kind, name, values: Object.fromEntries(values) })),
    [
      { kind: 'service', name: 'imap-login', values: { user: '$default_login_user' } },
      { kind: 'local_name', name: 'a.example.org b.example.org', values: { ssl_cert: '</srv/tls/ab.pem' } },
      { kind: 'userdb', name: '', values: { driver: 'passwd' } },
    ],
  )
  t.match(settings.blocks[0]?.blocks, [
    { kind: 'inet_listener', name: 'imaps', values: new Map(Object.entries({ port: '993', ssl: 'yes' })) },
  ])
})

t.test('a value in quotes is the value, and one that ends in a brace begins no block', async (t) => {
  const { values, blocks } = parseSettings('a = "with space "\nb = "\nlog_format = x {\nc = 1\n')

  t.same(Object.fromEntries(values), { a: 'with space', b: '"', log_format: 'x {', c: '1' })
  t.same(blocks, [])
})

t.test('lines that are neither a setting nor a block are left out', async (t) => {
  const { values, blocks } = parseSettings('-----BEGIN CERTIFICATE-----\nMIIB\n}\n}\n"SORT=DISPLAY" = yes\nb = 1')

  t.same(Object.fromEntries(values), { b: '1' })
  t.same(blocks, [])
})

t.test('endless nesting is left out, and what follows it is still in its place', async (t) => {
  const depth = 100_000
  const settings = parseSettings(`${'a {\n'.repeat(depth)}secret = 1\n${'}\n'.repeat(depth)}ssl = yes\n`)

  t.equal(settings.values.get('ssl'), 'yes')
  t.equal(deepest(settings.blocks), 9)
  t.notOk(everyValue(settings.blocks).includes('1'))
})

t.test('blocks that never end keep what is in them', async (t) => {
  const settings = parseSettings(`${'a {\n'.repeat(5)}ssl = yes`)

  t.equal(settings.values.get('ssl'), undefined)
  t.equal(deepest(settings.blocks), 5)
})

t.test('a megabyte without a single setting takes less than a second of the processor', async (t) => {
  const size = 1024 * 1024
  const lines = ['a'.repeat(size), `a${' '.repeat(size)}b`, `a ${'" '.repeat(size / 2)}x`, '{\n'.repeat(size / 2)]

  for (const text of lines) {
    const started = process.cpuUsage()

    t.equal(parseSettings(text).values.size, 0)

    t.ok(process.cpuUsage(started).user < 1_000_000)
  }
})

type Blocks = ReturnType<typeof parseSettings>['blocks']

function deepest(blocks: Blocks): number {
  return blocks.length === 0 ? 0 : 1 + Math.max(...blocks.map((inner) => deepest(inner.blocks)))
}

function everyValue(blocks: Blocks): readonly string[] {
  return blocks.flatMap((inner) => [...inner.values.values(), ...everyValue(inner.blocks)])
}

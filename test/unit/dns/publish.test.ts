import { writeFileSync } from 'node:fs'
import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { nsupdateScript } from '../../../src/dns/nsupdate-script.ts'
import { changeRecords, publisherFor } from '../../../src/dns/publish.ts'
import { requirePlain } from '../../../src/dns/record-change.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'

const challenge = { change: 'add', name: '_acme-challenge.example.org', type: 'TXT', value: 'a_b-C', ttl: 60 } as const
const key = { change: 'remove', name: '_25._tcp.MX.example.org.', type: 'TLSA', value: '3 1 1 abcd', ttl: 60 } as const

t.test('nsupdate reads one request with all changes', async (t) => {
  const to = { server: '192.0.2.53', port: 53, keyFile: '/etc/waxseal/tsig.key' }

  t.equal(
    nsupdateScript([challenge, requirePlain(key)], 'example.org', to),
    [
      'server 192.0.2.53 53',
      'zone example.org.',
      'update add _acme-challenge.example.org. 60 TXT "a_b-C"',
      'update delete _25._tcp.mx.example.org. TLSA 3 1 1 abcd',
      'send',
      '',
    ].join('\n'),
  )
})

t.test('what is no plain record never gets to a program', async (t) => {
  for (const bad of [
    { name: 'a.example.org\nserver 203.0.113.1' },
    { name: '*.example.org' },
    { name: '-k.example.org' },
    { name: '' },
    { value: 'a"b' },
    { value: 'a b' },
    { value: 'a\nsend' },
    { value: '' },
    { value: 'a'.repeat(256) },
    { ttl: -1 },
    { ttl: 0.5 },
    { ttl: 1e9 },
  ])
    t.throws(() => requirePlain({ ...challenge, ...bad }), { code: 'DNS_UPDATE_FAILED' }, JSON.stringify(bad))
  const certificate = `3 0 0 ${'ab'.repeat(2048)}`
  t.equal(requirePlain({ ...key, value: certificate }).value, certificate, 'one may hold all of a certificate')
  for (const value of [`${certificate}ab`, '3 1 1 ABCD', '3 1 1', '4 1 1 ab', '3 1 1 ab\nsend'])
    t.throws(() => requirePlain({ ...key, value }), { code: 'DNS_UPDATE_FAILED' }, value)
})

t.test('a server or a zone that is none never gets to nsupdate', async (t) => {
  const to = { server: '192.0.2.53', port: 53, keyFile: '/k' }

  for (const server of ['a b', '-x', '192.0.2.53\nkey a b', '192.0.2.0/24', ''])
    t.throws(() => nsupdateScript([challenge], 'example.org', { ...to, server }), { code: 'DNS_UPDATE_FAILED' }, server)
  t.throws(() => nsupdateScript([challenge], 'example.org\nsend', to), { code: 'DNS_UPDATE_FAILED' })
})

t.test('a hook is given the change as arguments, each as it is, and nothing else', async (t) => {
  const { hook, log } = await makeHook(t, 0)

  await changeRecords([challenge, key], { zone: 'example.org', hook: [hook, 'mine'] })

  t.equal(
    await readFile(log, 'utf8'),
    'mine|add|_acme-challenge.example.org|TXT|a_b-C|\nmine|remove|_25._tcp.mx.example.org|TLSA|3 1 1 abcd|\n',
  )
})

t.test('a hook that fails is told with its exit status and what it said', async (t) => {
  const { hook } = await makeHook(t, 3)

  await t.rejects(changeRecords([challenge], { zone: 'example.org', hook: [hook] }), {
    code: 'DNS_UPDATE_FAILED',
    details: { zone: 'example.org', exit: 3, output: 'no such zone here' },
  })
})

t.test('a record of another zone is not published', async (t) => {
  const { hook } = await makeHook(t, 0)

  for (const zone of ['example.net', 'ample.org'])
    await t.rejects(changeRecords([challenge], { zone, hook: [hook] }), { code: 'DNS_UPDATE_FAILED' })
})

t.test('the longest zone that fits a name publishes it', async (t) => {
  const zones = ['org', 'example.org', 'mx.example.org', 'net'].map((zone) => ({ zone }))

  t.equal(publisherFor('_25._tcp.mx.example.org', zones)?.zone, 'mx.example.org')
  t.equal(publisherFor('amx.example.org', zones)?.zone, 'example.org')
  t.equal(publisherFor('example.com', zones), null)
})

async function makeHook(t: Test, exit: number): Promise<{ readonly hook: string; readonly log: string }> {
  const dir = await makeTemporaryFolder('waxseal-test-')
  t.teardown(() => removeTree(dir))
  const [hook, log] = [join(dir, 'hook'), join(dir, 'log')]
  writeFileSync(
    hook,
    `#!/bin/sh\nfor word; do printf '%s|' "$word" >>${log}; done; echo >>${log}\necho "no such zone here"\nexit ${exit}\n`,
  )
  await chmod(hook, 0o755)
  return { hook, log }
}

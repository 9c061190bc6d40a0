import { once } from 'node:events'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import t from 'tap'
import { startStandIn } from '../../src/demo/mail-host/stand-in.ts'
import { freePorts, makeTemporaryFolder, removeTree, writeText } from '../../src/host/plain-files.ts'
import { makeAuthority } from '../support/certificates.ts'
import { jsonOf, runWaxseal } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-cli-probe-')
const authority = await (await makeAuthority()).intermediate()
const [pair, otherPair] = await Promise.all([
  authority.issue({ names: ['mail.example.net', 'imap.example.net'] }),
  authority.issue({ names: ['mail.example.net'] }),
])
const daemon = await startStandIn(dir, { ...pair, certificatePem: pair.certificatePem + pair.chainPem })
const [smtp = 0, tls = 0] = daemon.ports.map(({ port }) => port)
const otherFile = join(dir, 'other.pem')
await writeText(otherFile, otherPair.certificatePem)
t.teardown(async () => {
  await daemon.stop()
  await removeTree(dir)
})

t.test('probe shows names, dates, digests and chain of what is served, and ends with 0', async (t) => {
  const ran = await runWaxseal(['probe', `127.0.0.1:${smtp}`, '--protocol', 'smtp'])

  t.match(ran, { status: 0, stdout: new RegExp(`smtp 127\\.0\\.0\\.1:${smtp}: TLSv1\\.3`), stderr: '' })
  t.match(ran.stdout, 'names       mail.example.net, imap.example.net')
  t.match(ran.stdout, /valid .* to .*\((89|90) days left\)/)
  t.match(ran.stdout, `SHA-256     ${pair.sha256}`)
  t.match(ran.stdout, 'chain       1 more certificate\n')
})

t.test('probe --json prints one document with every certificate', async (t) => {
  const ran = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--json'])

  t.equal(ran.status, 0)
  t.match(jsonOf(ran), {
    host: '127.0.0.1',
    port: tls,
    protocol: 'tls',
    tlsVersion: 'TLSv1.3',
    error: null,
    certificates: [{ sha256: pair.sha256, names: ['mail.example.net', 'imap.example.net'] }, { isCa: true }],
    expected: null,
    match: null,
  })
})

t.test(
  'probe --expect ends with 0 for the leaf that is served, as a digest in either form and as a file',
  async (t) => {
    const colons = (pair.sha256.match(/../g) ?? []).join(':').toUpperCase()

    for (const expected of [pair.sha256, colons, daemon.certPath]) {
      const ran = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--expect', expected])
      t.match(ran, { status: 0, stdout: /match +yes/ }, expected)
    }
  },
)

t.test('probe --expect ends with 3 for another leaf, and says which was expected', async (t) => {
  for (const expected of [otherPair.sha256, otherFile]) {
    const ran = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--expect', expected])
    t.match(ran, { status: 3, stdout: `match       NO: expected ${otherPair.sha256}` }, expected)
  }
  const ran = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--expect', otherFile, '--json'])

  t.match(jsonOf(ran), { match: false, expected: otherPair.sha256, certificates: [{ sha256: pair.sha256 }] })
})

t.test('probe ends with 1 where nothing listens, also with --expect, and says what it saw instead', async (t) => {
  const [port] = await freePorts(1)

  const ran = await runWaxseal(['probe', `127.0.0.1:${port}`])
  const asJson = await runWaxseal(['probe', `127.0.0.1:${port}`, '--json', '--expect', pair.sha256])

  t.match(ran, { status: 1, stdout: /no certificate was seen \(connect: .*ECONNREFUSED/ })
  t.equal(asJson.status, 1)
  t.match(jsonOf(asJson), { error: /ECONNREFUSED/, certificates: [], match: false })
})

t.test('probe of a name that does not resolve ends with 1 and says so', async (t) => {
  const ran = await runWaxseal(['probe', 'mail.invalid:25'])

  t.match(ran, { status: 1, stdout: /smtp mail\.invalid:25: no certificate was seen \(connect: .*mail\.invalid/ })
})

t.test('probe that guessed the protocol wrong points to --protocol', async (t) => {
  const ran = await runWaxseal(['probe', `127.0.0.1:${smtp}`, '--timeout', '5'])

  t.match(ran, { status: 1, stdout: /no certificate was seen \(handshake/, stderr: /suggests tls; --protocol/ })
})

t.test('probe gives up after its time limit', async (t) => {
  const ran = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--protocol', 'smtp', '--timeout', '0.2'])

  t.match(ran, { status: 1, stdout: /no certificate was seen \(.*time limit/ })
})

t.test('probe takes an IPv6 address in brackets', async (t) => {
  const server = createServer({ cert: pair.certificatePem, key: pair.keyPem }).listen(0, '::1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0

  const ran = await runWaxseal(['probe', `[::1]:${port}`, '--json', '--expect', pair.sha256])

  t.equal(ran.status, 0)
  t.match(jsonOf(ran), { host: '::1', port, servername: null, match: true })
})

t.test('probe picks the protocol by the port', async (t) => {
  const byPort = {
    24: 'lmtp',
    25: 'smtp',
    110: 'pop3',
    143: 'imap',
    465: 'tls',
    587: 'smtp',
    993: 'tls',
    4190: 'sieve',
  }

  await Promise.all(
    Object.entries(byPort).map(async ([port, protocol]) => {
      const ran = await runWaxseal(['probe', `127.0.0.1:${port}`, '--json', '--timeout', '0.5'])
      t.match(jsonOf(ran), { protocol }, port)
    }),
  )
})

t.test('probe asks for the host by name, or for what --servername says', async (t) => {
  const named = await runWaxseal(['probe', `localhost:${tls}`, '--json'])
  const other = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--json', '--servername', 'imap.example.net'])

  t.match(jsonOf(named), { servername: 'localhost' })
  t.match(jsonOf(other), { servername: 'imap.example.net' })
})

t.test('probe accepts --config like every command, and needs nothing of it', async (t) => {
  const ran = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--config', '/nowhere/waxseal.yaml'])

  t.equal(ran.status, 0)
})

t.test('probe ends with 2 for what cannot be meant, names it, and prints no document', async (t) => {
  const address = `127.0.0.1:${tls}`
  await writeText(join(dir, 'empty'), '')
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /missing required argument 'host:port'[^]*--help/],
    [['mail.example.net'], /not HOST:PORT/],
    [['mail.example.net:0'], /not HOST:PORT/],
    [['mail.example.net:65536'], /not HOST:PORT/],
    [['::1:25'], /not HOST:PORT or \[ADDRESS\]:PORT/],
    [[address, '--protocol', 'gopher'], /gopher.*Allowed choices are auto, tls, smtp/],
    [[address, '--timeout', '0'], /--timeout.*number of seconds/],
    [[address, '--expect', 'abc'], /--expect.*neither a SHA-256 nor a file/],
    [[address, '--expect', join(dir, 'empty')], /--expect.*empty.*it is empty/],
    [[address, '--expect', daemon.keyPath], /--expect.*private key and no certificate/],
  ]

  for (const [args, message] of wrong)
    t.match(await runWaxseal(['probe', '--json', ...args]), { status: 2, stdout: '', stderr: message }, args.join(' '))
})

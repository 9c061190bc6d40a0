import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, createServer, TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { startStandIn } from '../../src/demo/mail-host/stand-in.ts'
import { freePorts, makeFolder, makeTemporaryFolder, removeTree, writeText } from '../../src/host/file/plain-files.ts'
import { makeAuthority } from '../support/certificates.ts'
import { openOpensslPairs, serveWithOpenssl } from '../support/openssl-pairs.ts'
import { jsonOf, runWaxseal } from '../support/run-waxseal.ts'

const dir = await makeTemporaryFolder('waxseal-cli-probe-')
const root = await makeAuthority()
const authority = await root.intermediate()
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

t.test('probe takes the names of protocols in any case, and names the right one where one is misspelt', async (t) => {
  const served = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--protocol', 'TLS'])
  const misspelt = await runWaxseal(['probe', `127.0.0.1:${tls}`, '--protocol', 'SMTTP'])

  t.match(served, { status: 0, stdout: `tls 127.0.0.1:${tls}: TLS` })
  t.match(misspelt, { status: 2, stderr: /Allowed choices are auto, [^]*Is smtp meant\?/ })
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

t.test('probe says whether the chain and the name would be trusted, and why not', async (t) => {
  const caFile = join(dir, 'ca.pem')
  const foreignFile = join(dir, 'foreign-ca.pem')
  await writeText(caFile, root.certificatePem)
  await writeText(foreignFile, (await makeAuthority('Foreign CA')).certificatePem)
  const ask = (...more: readonly string[]): ReturnType<typeof runWaxseal> =>
    runWaxseal(['probe', `127.0.0.1:${tls}`, ...more])

  const trusted = await ask('--ca-file', caFile, '--servername', 'imap.example.net')
  const misnamed = await ask('--ca-file', caFile, '--servername', 'other.example.net')
  const foreign = await ask('--ca-file', foreignFile)
  const bySystem = await ask('--json', '--servername', 'imap.example.net')

  t.match(trusted, { status: 0, stdout: /trusted +yes\n +name +imap\.example\.net is covered/ })
  t.match(misnamed, { status: 0, stdout: /trusted +yes\n +name +NO: other\.example\.net is not covered/ })
  t.match(foreign.stdout, /trusted +NO: an issuer is missing/)
  t.notMatch(foreign.stdout, / name {2,}/)
  t.match(jsonOf(bySystem), {
    trust: { distrust: /issuer is missing/, name: { asked: 'imap.example.net', covered: true } },
  })
})

t.test('probe says in plain words what is wrong with a chain', async (t) => {
  const issue = await openOpensslPairs(t)
  const ca = await issue('P-256', { name: 'CA' })
  const alone = await issue('P-256', { issuer: ca })
  const old = await authority.issue({ names: ['mail.example.net'], notBefore: new Date(0), notAfter: new Date(1e12) })
  const caFile = join(dir, 'root.pem')
  await writeText(caFile, root.certificatePem)
  const oldDir = join(dir, 'old')
  await makeFolder(oldDir)
  const expired = await startStandIn(oldDir, { ...old, certificatePem: old.certificatePem + old.chainPem })
  t.teardown(() => expired.stop())
  const [, oldTls = 0] = expired.ports.map(({ port }) => port)
  const cases = [
    [await serveWithOpenssl(t, ca), 'it is self-signed'],
    [await serveWithOpenssl(t, alone), 'its root is not a trusted one'],
    [await serveWithOpenssl(t, { ...alone, chainPem: '' }), 'no intermediate certificate came with it'],
    [oldTls, 'the certificate has expired'],
  ] as const

  for (const [port, words] of cases) {
    const { stdout } = await runWaxseal(['probe', `127.0.0.1:${port}`, '--ca-file', caFile])
    t.match(stdout, new RegExp(`trusted +NO: .*${words}`), words)
  }
})

t.test('a CA with a key on a curve of its own is trusted, and nothing dies', async (t) => {
  const issue = await openOpensslPairs(t)
  const ca = await issue('brainpoolP256r1', { name: 'CA' })
  const port = await serveWithOpenssl(t, await issue('P-256', { issuer: ca }))

  const ran = await runWaxseal([
    'probe',
    `127.0.0.1:${port}`,
    '--ca-file',
    ca.certPath,
    '--servername',
    'mail.example.net',
  ])

  t.match(ran, { status: 0, stdout: /trusted +yes\n +name +mail\.example\.net is covered/ })
})

t.test('probe hints at the PROXY header where a port answers to it alone, and sends it when told to', async (t) => {
  const port = await serveBehindProxy(t)

  const without = await runWaxseal(['probe', `127.0.0.1:${port}`, '--timeout', '5'])
  const asJson = await runWaxseal(['probe', `127.0.0.1:${port}`, '--timeout', '5', '--json'])
  const given = await runWaxseal(['probe', `127.0.0.1:${port}`, '--proxy', 'v1', '--expect', pair.sha256])

  t.match(without, { status: 1, stderr: 'It answers where a PROXY header comes first: ask with --proxy v1.\n' })
  t.match(jsonOf(asJson), { hint: /--proxy v1/ })
  t.match(given, { status: 0, stdout: /match +yes/, stderr: '' })
})

/** TLS after a PROXY header of version 1; who sends anything else is cut off. */
async function serveBehindProxy(t: Test): Promise<number> {
  const context = createSecureContext({ cert: pair.certificatePem + pair.chainPem, key: pair.keyPem })
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.once('readable', () => {
      const header = String(socket.read(6))
      if (header !== 'PROXY ') {
        socket.destroy()
        return
      }
      while (String(socket.read(1)) !== '\n');
      new TLSSocket(socket, { isServer: true, secureContext: context }).on('error', () => {})
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

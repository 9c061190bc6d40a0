import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { type Probe, probeProtocols } from '../../../src/plan/plan.ts'
import { probeOnce } from '../../../src/verify/probe-once.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { scripts, startMailServer } from '../../support/mail-server.ts'

const root = await makeAuthority()
const intermediate = await root.intermediate()
const names = ['mail.example.net']
const ecdsa = await intermediate.issue({ names })
const rsa = await intermediate.issue({ names, keyType: 'rsa' })

function probeOf(port: number, changes: Partial<Probe> = {}): Probe {
  return { host: '127.0.0.1', port, protocol: 'smtp', servername: null, keyType: null, timeoutMs: 10_000, ...changes }
}

for (const protocol of probeProtocols) {
  t.test(`${protocol} sees the leaf that is served`, async (t) => {
    const { port } = await startMailServer(t, { script: scripts[protocol], pairs: [ecdsa] })

    const look = await probeOnce(probeOf(port, { protocol }))

    t.equal(look.error, null)
    t.equal(look.leaf?.sha256, ecdsa.sha256)
    t.equal(look.certificates.length, 2)
    t.equal(look.tlsVersion, 'TLSv1.3')
  })

  t.test(`${protocol} sees the leaf of the key type that it asks for`, async (t) => {
    const { port } = await startMailServer(t, { script: scripts[protocol], pairs: [rsa, ecdsa] })

    const one = await probeOnce(probeOf(port, { protocol, keyType: 'rsa' }))
    const other = await probeOnce(probeOf(port, { protocol, keyType: 'ecdsa' }))

    t.equal(one.leaf?.sha256, rsa.sha256)
    t.equal(other.leaf?.sha256, ecdsa.sha256)
  })
}

t.test('both leaves of a TLS 1.2 server are seen', async (t) => {
  const { port } = await startMailServer(t, { script: scripts.smtp, pairs: [rsa, ecdsa], maxVersion: 'TLSv1.2' })

  const one = await probeOnce(probeOf(port, { keyType: 'rsa' }))
  const other = await probeOnce(probeOf(port, { keyType: 'ecdsa' }))

  t.same([one.leaf?.sha256, one.tlsVersion], [rsa.sha256, 'TLSv1.2'])
  t.same([other.leaf?.sha256, other.tlsVersion], [ecdsa.sha256, 'TLSv1.2'])
})

t.test('a server without a leaf of the key type fails the handshake', async (t) => {
  const { port } = await startMailServer(t, { script: scripts.tls, pairs: [ecdsa] })

  const look = await probeOnce(probeOf(port, { protocol: 'tls', keyType: 'rsa' }))

  t.equal(look.leaf, null)
  t.match(look.error, /^handshake: /)
})

t.test('the server name is sent, and none is sent where none is given', async (t) => {
  const server = await startMailServer(t, { script: scripts.imap, pairs: [ecdsa] })

  await probeOnce(probeOf(server.port, { protocol: 'imap', servername: 'mail.example.net' }))
  await probeOnce(probeOf(server.port, { protocol: 'imap' }))

  t.same(server.servernames, ['mail.example.net', null])
})

const requests = {
  tls: [],
  smtp: ['EHLO waxseal.invalid', 'STARTTLS'],
  lmtp: ['LHLO waxseal.invalid', 'STARTTLS'],
  imap: ['a1 STARTTLS'],
  pop3: ['STLS'],
  sieve: ['STARTTLS'],
} as const

for (const protocol of probeProtocols) {
  t.test(`${protocol} says no more than it takes to get to TLS, and closes its connection`, async (t) => {
    const server = await startMailServer(t, { script: scripts[protocol], pairs: [ecdsa] })

    await probeOnce(probeOf(server.port, { protocol }))

    await server.closed
    t.same(server.heard, requests[protocol])
  })
}

t.test('a certificate that is expired, or for another name, is seen like any other', async (t) => {
  const expired = await root.issue({ names: ['other.example'], notBefore: new Date(0), notAfter: new Date(1e12) })
  const { port } = await startMailServer(t, { script: scripts.tls, pairs: [expired] })

  const look = await probeOnce(probeOf(port, { protocol: 'tls', servername: 'mail.example.net' }))

  t.equal(look.leaf?.sha256, expired.sha256)
})

t.test('a greeting and an EHLO reply of many lines are read to their end', async (t) => {
  const greeting = '220-mail.example.net\r\n220-no spam\r\n220 ESMTP\r\n'
  const capabilities = '250-mail\r\n250-SIZE 10\r\n250-starttls\r\n250 8BITMIME\r\n'
  const { port } = await startMailServer(t, { script: [greeting, capabilities, '220 Go\r\n'], pairs: [ecdsa] })

  const look = await probeOnce(probeOf(port))

  t.equal(look.leaf?.sha256, ecdsa.sha256)
})

t.test('untagged noise before the tagged IMAP answer is passed over', async (t) => {
  const script = ['* OK Ready\r\n', '* CAPABILITY IMAP4rev1\r\n* OK still here\r\na1 OK Begin TLS\r\n']
  const { port } = await startMailServer(t, { script, pairs: [ecdsa] })

  const look = await probeOnce(probeOf(port, { protocol: 'imap' }))

  t.equal(look.leaf?.sha256, ecdsa.sha256)
})

t.test('lines that end in a bare line feed are understood', async (t) => {
  const { port } = await startMailServer(t, { script: ['+OK\n', '+OK\n'], pairs: [ecdsa] })

  const look = await probeOnce(probeOf(port, { protocol: 'pop3' }))

  t.equal(look.leaf?.sha256, ecdsa.sha256)
})

const refusals = [
  ['smtp', ['421 4.3.2 Too busy\r\n'], 'greeting: the server said: 421 4.3.2 Too busy'],
  ['smtp', ['220 Hi\r\n', '502 5.5.2 What\r\n'], 'capabilities: the server said: 502 5.5.2 What'],
  ['smtp', ['220 Hi\r\n', '250-mail\r\n250 SIZE\r\n'], 'capabilities: the server does not offer STARTTLS'],
  ['lmtp', ['220 Hi\r\n', '250 mail\r\n'], 'capabilities: the server does not offer STARTTLS'],
  ['smtp', ['220 Hi\r\n', '250 STARTTLS\r\n', '454 4.7.0 No\r\n'], 'starttls: the server said: 454 4.7.0 No'],
  ['imap', ['* BYE Full\r\n'], 'greeting: the server said: * BYE Full'],
  ['imap', ['* OK Hi\r\n', 'a1 BAD Unknown\r\n'], 'starttls: the server said: a1 BAD Unknown'],
  ['pop3', ['-ERR Busy\r\n'], 'greeting: the server said: -ERR Busy'],
  ['pop3', ['+OK\r\n', '-ERR Unknown\r\n'], 'starttls: the server said: -ERR Unknown'],
  ['sieve', ['BYE "Full"\r\n'], 'greeting: the server said: BYE "Full"'],
  ['sieve', ['OK\r\n', 'NO "TLS"\r\n'], 'starttls: the server said: NO "TLS"'],
] as const

for (const [protocol, script, error] of refusals) {
  t.test(`${protocol} reports "${error}"`, async (t) => {
    const { port } = await startMailServer(t, { script })

    const look = await probeOnce(probeOf(port, { protocol }))

    t.match(look, { error, leaf: null, certificates: [], tlsVersion: null })
  })
}

t.test('a refused connection is reported as such', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')

  const look = await probeOnce(probeOf(port))

  t.match(look.error, /^connect: .*ECONNREFUSED/)
})

t.test('a port that is none is an error and no exception', async (t) => {
  const look = await probeOnce(probeOf(70_000))

  t.match(look.error, /^connect: /)
})

t.test('a name that is refused at each of its addresses says so', async (t) => {
  const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
  const openConnection = (): Promise<never> => Promise.reject(refused)
  const mocked = await t.mockImport<typeof import('../../../src/verify/probe-once.ts')>(
    '../../../src/verify/probe-once.ts',
    { '../../../src/host/socket/probe-connection.ts': { openConnection } },
  )

  const look = await mocked.probeOnce(probeOf(1))

  t.equal(look.error, 'connect: ECONNREFUSED')
})

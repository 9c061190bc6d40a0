import { connect, type Socket } from 'node:net'
import t from 'tap'
import { type Probe, probeProtocols } from '../../../src/plan/plan.ts'
import { probeOnce } from '../../../src/verify/probe-once.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { pour, scripts, startMailServer } from '../../support/mail-server.ts'

const authority = await makeAuthority()
const pair = await authority.issue({ names: ['mail.example.net'] })
const withDialogue = probeProtocols.filter((protocol) => protocol !== 'tls')
const tenMegabytes = 10 * 1024 * 1024
/** What may lie in the buffers of the two kernels. */
const bufferBytes = 8 * 1024 * 1024

function probeOf(port: number, changes: Partial<Probe> = {}): Probe {
  return { host: '127.0.0.1', port, protocol: 'smtp', servername: null, keyType: null, timeoutMs: 10_000, ...changes }
}

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('2'), 5)
  socket.once('close', () => clearInterval(timer))
}

for (const protocol of withDialogue) {
  t.test(`${protocol} gives up on a line without an end`, async (t) => {
    const server = await startMailServer(t, { script: [], finish: (socket) => pour(socket, 'a'.repeat(65_536)) })

    const look = await probeOnce(probeOf(server.port, { protocol }))

    t.equal(look.error, 'greeting: the server sent an endless line')
    t.ok((await server.closed) < bufferBytes)
  })

  t.test(`${protocol} holds a server that sends a byte at a time to the time limit`, async (t) => {
    const server = await startMailServer(t, { script: [], finish: drip })

    const look = await probeOnce(probeOf(server.port, { protocol, timeoutMs: 200 }))

    t.equal(look.error, 'greeting: the time limit passed')
    t.ok(look.ms >= 195 && look.ms < 5000, `${look.ms} ms`)
    await server.closed
  })

  t.test(`${protocol} refuses plaintext right behind the answer to STARTTLS`, async (t) => {
    const script: readonly string[] = scripts[protocol]
    const injected = [...script.slice(0, -1), `${script.at(-1)}injected\r\n`]
    const server = await startMailServer(t, { script: injected, pairs: [pair] })

    const look = await probeOnce(probeOf(server.port, { protocol }))

    t.equal(look.leaf, null)
    t.equal(look.error, 'handshake: the server sent plaintext after it had agreed to TLS')
  })

  t.test(`${protocol} reports a server that closes instead of greeting`, async (t) => {
    const server = await startMailServer(t, { script: [], finish: (socket) => socket.end() })

    const look = await probeOnce(probeOf(server.port, { protocol }))

    t.equal(look.error, 'greeting: the server closed the connection')
  })
}

t.test('an endless greeting of short lines is refused', async (t) => {
  const server = await startMailServer(t, { script: [], finish: (socket) => pour(socket, '220-spam\r\n'.repeat(1000)) })

  const look = await probeOnce(probeOf(server.port))

  t.equal(look.error, 'greeting: the server sent an endless reply')
  t.ok((await server.closed) < bufferBytes)
})

t.test('many long lines are refused when they come to too much', async (t) => {
  const line = `250-${'a'.repeat(4000)}\r\n`
  const server = await startMailServer(t, { script: ['220 Hi\r\n', line.repeat(90)] })

  const look = await probeOnce(probeOf(server.port))

  t.equal(look.error, 'capabilities: the server sent too much before TLS')
})

t.test('endless untagged IMAP noise is refused', async (t) => {
  const server = await startMailServer(t, { script: ['* OK Hi\r\n', '* 1 EXISTS\r\n'.repeat(200)] })

  const look = await probeOnce(probeOf(server.port, { protocol: 'imap' }))

  t.equal(look.error, 'starttls: the server sent an endless reply')
})

t.test('endless sieve capabilities are refused', async (t) => {
  const server = await startMailServer(t, { script: ['"SIEVE" "fileinto"\r\n'.repeat(200)] })

  const look = await probeOnce(probeOf(server.port, { protocol: 'sieve' }))

  t.equal(look.error, 'greeting: the server sent an endless reply')
})

t.test('a line of ten megabytes is refused, complete or not', async (t) => {
  const server = await startMailServer(t, { script: [`220 ${'a'.repeat(tenMegabytes)}\r\n`] })

  const look = await probeOnce(probeOf(server.port))

  t.equal(look.error, 'greeting: the server sent an endless line')
})

t.test('NUL and escape bytes never reach the report', async (t) => {
  const server = await startMailServer(t, { script: ['\0\x1b[2J\x9b\xff evil\r\n'] })

  const look = await probeOnce(probeOf(server.port))

  t.equal(look.error, 'greeting: the server said: ??[2J?? evil')
})

t.test('a long refusal is cut short', async (t) => {
  const server = await startMailServer(t, { script: [`554 ${'a'.repeat(2000)}\r\n`] })

  const look = await probeOnce(probeOf(server.port))

  t.equal(look.error, `greeting: the server said: 554 ${'a'.repeat(196)}`)
})

t.test('a server that is silent after each step is held to the time limit, and the step is named', async (t) => {
  const phases = ['greeting', 'capabilities', 'starttls', 'handshake']
  for (const [said, phase] of phases.entries()) {
    const server = await startMailServer(t, { script: scripts.smtp.slice(0, said) })

    const look = await probeOnce(probeOf(server.port, { timeoutMs: 200 }))

    t.equal(look.error, `${phase}: the time limit passed`)
    await server.closed
  }
})

t.test('a connection that is closed in the handshake is an error of the handshake', async (t) => {
  const finish = (socket: Socket): unknown => socket.once('data', () => socket.end())
  const server = await startMailServer(t, { script: scripts.smtp, finish })

  const look = await probeOnce(probeOf(server.port))

  t.match(look.error, /^handshake: /)
})

t.test('a connection that is reset in the handshake is an error of the handshake', async (t) => {
  for (const protocol of probeProtocols) {
    const finish = (socket: Socket): unknown => socket.once('data', () => socket.resetAndDestroy())
    const server = await startMailServer(t, { script: scripts[protocol], finish })

    const look = await probeOnce(probeOf(server.port, { protocol }))

    t.match(look.error, /^handshake: /, protocol)
    t.equal(look.leaf, null)
  }
})

t.test('a server that answers the handshake with garbage is an error of the handshake', async (t) => {
  const garbage = (socket: Socket): void => pour(socket, 'garbage\0'.repeat(1000))
  const server = await startMailServer(t, { script: scripts.tls, finish: garbage })

  const look = await probeOnce(probeOf(server.port, { protocol: 'tls' }))

  t.equal(look.error, 'handshake: wrong version number')
  await server.closed
})

/** Relays to a server that speaks TLS, and puts a record that nobody can decrypt right behind all that it says. */
function spoil(port: number): (socket: Socket) => void {
  const record = Buffer.from('1703030013aabbccddeeff00112233445566778899aabbcc', 'hex')
  return (socket) => {
    const upstream = connect(port, '127.0.0.1').on('error', () => {})
    upstream.on('data', (chunk) => socket.write(Buffer.concat([chunk, record])))
    socket.pipe(upstream)
    socket.once('close', () => upstream.destroy())
  }
}

t.test('a record that cannot be read right behind the handshake does no harm', async (t) => {
  const honest = await startMailServer(t, { script: scripts.tls, pairs: [pair] })
  const server = await startMailServer(t, { script: scripts.tls, finish: spoil(honest.port) })

  const look = await probeOnce(probeOf(server.port, { protocol: 'tls' }))

  t.equal(look.leaf?.sha256, pair.sha256, 'the leaf was seen before it')
  await server.closed
})

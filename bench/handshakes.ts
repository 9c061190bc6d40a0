import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:tls'
import { renewableHttps } from '../src/host/socket/renewable-https.ts'
import { makeAuthority } from '../test/support/certificates.ts'

// `npm run bench:handshakes [N]`: the time of a processor that a server takes for a whole handshake (TLS 1.3, an EC key) and for one that
// resumes a session, N of each. It decides whether servers that stand beside each other share their ticket keys (docs/design/decisions/0014).
const count = Number(process.argv[2] ?? 1000)

if (process.send === undefined) await measure()
else await serve()

async function serve(): Promise<void> {
  const pair = await (await makeAuthority()).issue({ names: ['localhost'] })
  const limits = { handshakeMs: 9000, requestMs: 9000, silentMs: 9000, keepAliveMs: 9000, connections: 100 }
  const server = renewableHttps(pair).create((_, answer) => answer.end(), limits)
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { readonly port: number }).port }))
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ ms: (user + system) / 1000 })
  })
  process.on('disconnect', () => process.exit(0))
}

async function measure(): Promise<void> {
  const child = fork(new URL(import.meta.url), { stdio: 'inherit' })
  const told = async (): Promise<Readonly<Record<string, number>>> => ((await once(child, 'message')) as [never])[0]
  const { port = 0 } = await told()
  const usedMs = async (): Promise<number> => {
    child.send('used')
    return (await told())['ms'] ?? 0
  }
  const session = await sessionOf(port)
  for (const kind of ['whole', 'resumed', 'whole', 'resumed'] as const) {
    const before = await usedMs()
    for (let at = 0; at < count; at += 1) await handshake(port, kind === 'resumed' ? session : null)
    console.log(`${kind}: ${(((await usedMs()) - before) / count).toFixed(2)} ms of the server for each`)
  }
  child.disconnect()
}

async function handshake(port: number, session: Buffer | null): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, session: session ?? undefined })
  await once(socket, 'secureConnect')
  if (socket.isSessionReused() !== (session !== null)) throw new Error('it is not the handshake that is measured')
  socket.destroy()
}

/** A ticket comes behind the handshake (TLS 1.3). */
async function sessionOf(port: number): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  const [session] = (await once(socket, 'session')) as [Buffer]
  socket.destroy()
  return session
}

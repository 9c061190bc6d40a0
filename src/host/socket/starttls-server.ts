import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** A small mail server that knows nothing but TLS. */
export interface StarttlsServer {
  readonly port: number
  close(): Promise<void>
}

/** Where it finds its pair: read anew for each connection, as Exim does. */
export interface PairFiles {
  readonly certPath: string
  readonly keyPath: string
}

/** Serves SMTP with STARTTLS, or TLS from the first byte, on a free loopback port. For trials where no daemon is. */
export async function startStarttlsServer(protocol: 'smtp' | 'tls', files: PairFiles): Promise<StarttlsServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    void serve(socket, protocol, files).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => closeAll(server, sockets) }
}

async function serve(socket: Socket, protocol: 'smtp' | 'tls', { certPath, keyPath }: PairFiles): Promise<void> {
  const [cert, key] = await Promise.all([readFile(certPath), readFile(keyPath)])
  if (protocol === 'smtp') await greet(socket)
  const secure = new TLSSocket(socket, { isServer: true, cert, key })
  secure.on('error', () => secure.destroy()).resume()
}

/** Greeting, EHLO, STARTTLS (RFC 3207); a client that says anything else is cut off. */
async function greet(socket: Socket): Promise<void> {
  socket.write('220 stand-in ESMTP\r\n')
  await expectLine(socket, /^EHLO /i)
  socket.write('250-stand-in\r\n250 STARTTLS\r\n')
  await expectLine(socket, /^STARTTLS/i)
  socket.write('220 ready\r\n')
}

/** Paused after the line, so that what comes next is left for TLS. */
async function expectLine(socket: Socket, wanted: RegExp): Promise<void> {
  const line = once(socket, 'data')
  socket.resume()
  const [chunk] = (await line) as [Buffer]
  socket.pause()
  if (!wanted.test(chunk.toString('latin1'))) throw new Error('unexpected command')
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  for (const socket of sockets) socket.destroy()
  await closed
}

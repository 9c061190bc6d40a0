import type { Socket } from 'node:net'
import type { Server, TLSSocket } from 'node:tls'
import type { AddressSet } from './address-set.ts'
import type { TcpEnd } from './proxy-header.ts'
import { type ReadHeader, readProxyHeader } from './read-proxy-header.ts'

/** Load balancers that say by a PROXY header whom a connection is from. */
export interface Proxies {
  readonly from: AddressSet
  /** One of them hung on without a header that can be read, and was hung up on. */
  onNoHeader(address: string): void
}

/**
 * Has this server, which does not listen yet, take the PROXY header from connections of these proxies before TLS begins, within `ms`:
 * `remoteAddress` of the socket of a request is then the address of who is behind the proxy. All others speak TLS from the first byte.
 */
export function standBehind(server: Server, { from, onNoHeader }: Proxies, ms: number): void {
  const begin = server.listeners('connection') as ((socket: Socket) => void)[]
  const sources = new Map<string, TcpEnd>()
  server.removeAllListeners('connection')
  server.on('connection', async (socket: Socket) => {
    const [proxy, name] = [socket.remoteAddress ?? '', nameOf(socket)]
    if (from.has(proxy)) {
      const header = await headerOf(socket, ms)
      if (typeof header === 'string') {
        socket.destroy()
        if (header === 'none') onNoHeader(proxy)
        return
      }
      if (header.source !== null) sources.set(name, header.source)
      socket.once('close', () => sources.delete(name))
    }
    for (const listener of begin) listener.call(server, socket)
  })
  // Before the one that reads requests.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const source = sources.get(nameOf(socket))
    if (source !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: source.address })
  })
}

/** No two connections that are open have the same ends. */
function nameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ')
}

/** What comes behind it is put back. `silent`: nothing came at all, as when a load balancer looks whether the port is open. */
async function headerOf(socket: Socket, ms: number): Promise<ReadHeader | 'none' | 'silent'> {
  const { promise, resolve } = Promise.withResolvers<ReadHeader | 'none' | 'silent'>()
  let bytes = Buffer.alloc(0)
  const look = (): void => {
    for (let part = socket.read() as Buffer | null; part !== null; part = socket.read() as Buffer | null)
      bytes = Buffer.concat([bytes, part])
    const header = readProxyHeader(bytes)
    if (header !== 'more') resolve(header)
  }
  const fail = (): void => resolve(bytes.length === 0 ? 'silent' : 'none')
  const late = setTimeout(fail, ms)
  const ends = ['end', 'error', 'close'] as const
  for (const end of ends) socket.on(end, fail)
  socket.on('readable', look)
  const header = await promise
  clearTimeout(late)
  socket.off('readable', look)
  for (const end of ends) socket.off(end, fail)
  if (typeof header !== 'string' && bytes.length > header.length) socket.unshift(bytes.subarray(header.length))
  return header
}

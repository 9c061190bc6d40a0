import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { removeStaleSocket } from './stale-socket.ts'

/** A Unix socket that HTTP is answered at, made here or opened by the service manager. */
export type HttpSocket = { readonly fd: number } | { readonly path: string }

/** Answers at this socket what `answer` answers. Returns how to end that. */
export async function listenBeside(socket: HttpSocket, answer: RequestListener): Promise<() => void> {
  const server = createServer(answer)
  if ('path' in socket) await removeStaleSocket(socket.path)
  server.listen(socket)
  await once(server, 'listening')
  return () => {
    server.closeAllConnections()
    server.close()
  }
}

import { fastify } from 'fastify'
import type { Config } from '../config/config.ts'
import { removeStaleSocket } from '../host/stale-socket.ts'

/** A status endpoint that listens. */
export interface StatusServer {
  close(): Promise<void>
}

/** Serves `/healthz` and `/status` on a loopback address or a Unix socket. Read-only; requests for another host are refused. */
export async function startStatusServer(
  listen: NonNullable<Config['status']>,
  readStatus: () => Promise<object>,
): Promise<StatusServer> {
  const server = fastify({ logger: false, bodyLimit: 1024 })
  server.addHook('onRequest', async (request, reply) => {
    if (isOwnHost(request.headers.host)) return
    await reply.code(421).send({ error: 'this endpoint answers to its loopback address only' })
  })
  server.get('/healthz', async () => ({ status: 'alive' }))
  server.get('/status', async () => readStatus())
  if ('socket' in listen) await removeStaleSocket(listen.socket)
  await server.listen('socket' in listen ? { path: listen.socket } : { ...listen })
  return { close: () => server.close() }
}

/** A foreign Host header means that a page in a browser asks on behalf of another site (DNS rebinding). */
function isOwnHost(host: string | undefined): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host ?? 'localhost')
}

import { type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import type { Config } from '../config/config.ts'
import { type HttpSocket, listenBeside } from '../host/socket/listen-beside.ts'
import { removeStaleSocket } from '../host/socket/stale-socket.ts'
import { pageIcon, pageStyle } from '../page/page-style.ts'
import { jsonText } from '../text/json-text.ts'
import { type Metrics, metricsType } from './metrics.ts'
import { statusPage } from './page.ts'
import { pageScript } from './page-script.ts'
import type { StatusDocument } from './status-document.ts'
import { namedFields, statusSchema } from './status-schema.ts'

/** A status endpoint that listens. */
export interface StatusServer {
  close(): Promise<void>
}

/** What the endpoint shows. */
export interface StatusSource {
  readonly readStatus: () => Promise<StatusDocument>
  readonly metrics: Pick<Metrics, 'render'>
}

const headers = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const

/** Where a status endpoint listens. */
export interface StatusPlaces {
  /** A loopback address or a Unix socket, for people and monitoring; null: none. */
  readonly listen: Config['status']
  /** Where `waxseal status` asks: a socket in a folder of root's, opened by the service manager or made here; null: none. */
  readonly asked: HttpSocket | null
}

/** Serves the page, `/status`, `/healthz`, `/readyz` and `/metrics`. Read-only; requests for another host are refused. */
export async function startStatusServer({ listen, asked }: StatusPlaces, source: StatusSource): Promise<StatusServer> {
  const server = fastify({
    logger: false,
    bodyLimit: 1024,
    forceCloseConnections: true,
    schemaController: { compilersFactory: { buildValidator: noSchema, buildSerializer: noSchema } },
  })
  server.addHook('onRequest', async (request, reply) => {
    void reply.headers(headers)
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return reply.code(405).header('allow', 'GET, HEAD').send({ error: 'nothing can be changed here' })
    if (isOwnHost(request.headers.host)) return undefined
    return reply.code(421).send({ error: 'this endpoint answers to its loopback address only' })
  })
  addPage(server, source)
  addProbes(server, source)
  await server.ready()
  const closeBeside =
    asked === null ? () => {} : await listenBeside(asked, (request, answer) => server.routing(request, answer))
  if (listen !== null && 'socket' in listen) await removeStaleSocket(listen.socket)
  if (listen !== null) await server.listen('socket' in listen ? { path: listen.socket } : { ...listen })
  return {
    close: async () => {
      closeBeside()
      await server.close()
    },
  }
}

function addPage(server: FastifyInstance, { readStatus }: StatusSource): void {
  const send = (path: string, type: string, read: () => Promise<string>): void => {
    server.get(path, async (_, reply): Promise<FastifyReply> => reply.type(type).send(await read()))
  }
  send('/', 'text/html; charset=utf-8', async () => statusPage(await readStatus()))
  send('/page.css', 'text/css; charset=utf-8', async () => pageStyle)
  send('/page.js', 'text/javascript; charset=utf-8', async () => pageScript)
  send('/icon.svg', 'image/svg+xml', async () => pageIcon)
}

function addProbes(server: FastifyInstance, { readStatus, metrics }: StatusSource): void {
  server.get('/healthz', async () => ({ status: 'alive' }))
  server.get('/readyz', async (_, reply) => {
    const { ready, notReady } = await readStatus()
    return reply.code(ready ? 200 : 503).send({ ready, reasons: notReady })
  })
  server.get('/status', async (_, reply) =>
    reply.type('application/json; charset=utf-8').send(jsonText(namedFields(await readStatus()))),
  )
  server.get('/status.schema.json', async (_, reply) =>
    reply.type('application/schema+json').send(JSON.stringify(statusSchema)),
  )
  server.get('/metrics', async (_, reply) => reply.type(metricsType).send(await metrics.render(await readStatus())))
}

/** Without compilers of schemas fastify does not load them: no route here has a schema, and each agent would pay for it. */
function noSchema(): never {
  throw new TypeError('a route of the status endpoint has a schema')
}

/** A foreign Host header means that a page in a browser asks on behalf of another site (DNS rebinding). */
function isOwnHost(host: string | undefined): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host ?? 'localhost')
}

import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { addressSet } from '../../host/socket/address-set.ts'
import type { Proxies } from '../../host/socket/behind-proxies.ts'
import type { RenewableHttps, ServerLimits } from '../../host/socket/renewable-https.ts'
import { compileSchema } from '../../schema/compile-schema.ts'
import type { Drain } from './drain.ts'
import type { Limits } from './limits.ts'
import { answerError, answerErrors, type ControlPlaneLog, logRequests } from './log-requests.ts'

const bodyLimit = 1024 * 1024
/** Of a name or an id in a path, decoded: more than the longest that there may be. */
const longestParam = 1024
const httpsLimits: ServerLimits = {
  handshakeMs: 10_000,
  requestMs: 30_000,
  // A CSR of a plain agent may take five minutes (protocol §1).
  silentMs: 330_000,
  keepAliveMs: 72_000,
  // Ten thousand agents and as much again; each has some 80 kB, and whoever connects costs memory before anybody knows who it is.
  connections: 20_000,
  // At 1.5 ms each a third of a core; a client has given up after ten seconds, and those who wait are let in within five.
  admission: { perSecond: 200, burst: 200, waiting: 1000 },
}

/** What a server needs before it has a route. */
export interface ServerParts {
  readonly https: RenewableHttps
  readonly limits: Limits
  readonly drain: Drain
  readonly log: ControlPlaneLog
  /** Addresses and networks of load balancers that say by the PROXY protocol whom a connection is from. */
  readonly proxyFrom: readonly string[]
}

/** The HTTPS server without its routes: TLS 1.3 at least, errors and the log. */
export function openServer({ https, limits, drain, log, proxyFrom }: ServerParts): FastifyInstance {
  const proxies = proxyFrom.length === 0 ? undefined : proxiesOf(proxyFrom, log)
  const server = fastify({
    logger: false,
    bodyLimit,
    routerOptions: { maxParamLength: longestParam },
    // Its word for the URL.
    https: {},
    serverFactory: (answer) => https.create(answer, httpsLimits, proxies, tellFull(log)),
    // What has arrived while it ends is served, too.
    return503OnClosing: false,
    // A URL that cannot be decoded never comes to the error handler.
    frameworkErrors: (error, request, reply) =>
      answerError(error, request as FastifyRequest, reply as FastifyReply, log),
  }) as unknown as FastifyInstance
  server.setValidatorCompiler(({ schema }) => compileSchema(schema as object))
  answerErrors(server, limits, log)
  logRequests(server, log)
  server.addHook('onSend', async (_, reply, payload) => {
    if (drain.isBegun) reply.header('connection', 'close')
    return payload
  })
  return server
}

const tellEveryMs = 60_000

/** Once a minute, with how many there were. */
function tellFull(log: ControlPlaneLog): () => void {
  let toldAt = Number.NEGATIVE_INFINITY
  let connections = 0
  return () => {
    connections += 1
    if (performance.now() - toldAt < tellEveryMs) return
    toldAt = performance.now()
    const hint = 'after an outage this ends within some minutes: agents come again; else see who connects so often'
    log.error({ connections, hint }, 'more connect than are let in, and were hung up on')
    connections = 0
  }
}

function proxiesOf(proxyFrom: readonly string[], log: ControlPlaneLog): Proxies {
  let toldAt = Number.NEGATIVE_INFINITY
  return {
    from: addressSet(proxyFrom),
    onNoHeader: (address) => {
      if (performance.now() - toldAt < tellEveryMs) return
      toldAt = performance.now()
      const hint = 'have it send one (haproxy: send-proxy-v2), or take its address out of --proxy-from'
      log.error({ address, hint }, 'a load balancer sends no PROXY header, and is hung up on')
    },
  }
}

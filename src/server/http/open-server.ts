import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { RenewableHttps, ServerLimits } from '../../host/socket/renewable-https.ts'
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
}

/** The HTTPS server without its routes: TLS 1.3 at least, errors and the log. */
export function openServer(https: RenewableHttps, limits: Limits, log: ControlPlaneLog): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit,
    routerOptions: { maxParamLength: longestParam },
    // Its word for the URL.
    https: {},
    serverFactory: (answer) => https.create(answer, httpsLimits),
    // A URL that cannot be decoded never comes to the error handler.
    frameworkErrors: (error, request, reply) =>
      answerError(error, request as FastifyRequest, reply as FastifyReply, log),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allowUnionTypes: true } },
  }) as unknown as FastifyInstance
  answerErrors(server, limits, log)
  logRequests(server, log)
  return server
}

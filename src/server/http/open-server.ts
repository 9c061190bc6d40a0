import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { IssuedPair } from '../authority/authority.ts'
import type { Limits } from './limits.ts'
import { answerError, answerErrors, type ControlPlaneLog, logRequests } from './log-requests.ts'

const bodyLimit = 1024 * 1024
/** To receive a whole request. */
const requestTimeoutMs = 30_000
const handshakeTimeoutMs = 10_000
/** Without a byte in either direction; a CSR of a plain agent may take five minutes (protocol §1). */
const silentTimeoutMs = 330_000

/** The HTTPS server without its routes: TLS 1.3 at least, errors and the log. */
export function openServer(pair: IssuedPair, limits: Limits, log: ControlPlaneLog): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: silentTimeoutMs,
    https: {
      cert: pair.certificatePem,
      key: pair.keyPem,
      minVersion: 'TLSv1.3',
      handshakeTimeout: handshakeTimeoutMs,
    },
    // A URL that cannot be decoded never comes to the error handler.
    frameworkErrors: (error, request, reply) =>
      answerError(error, request as FastifyRequest, reply as FastifyReply, log),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allowUnionTypes: true } },
  }) as unknown as FastifyInstance
  answerErrors(server, limits, log)
  logRequests(server, log)
  return server
}

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

/** What the control plane writes about itself. */
export type ControlPlaneLog = Pick<Logger, 'debug' | 'info' | 'error'>

/** A line for each request that is answered with an error, with the pattern of its path: no credential, body or name of a client is in it. */
export function logRequests(server: FastifyInstance, log: ControlPlaneLog): void {
  server.addHook('onResponse', async (request, reply) => {
    const facts = {
      request: request.id,
      call: callOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    }
    log[reply.statusCode >= 400 && reply.statusCode < 500 ? 'info' : 'debug'](facts, 'request')
  })
}

/** Answers an error; what the control plane did wrong itself is told in its log alone, with where it happened. */
export async function answerError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  log: ControlPlaneLog,
): Promise<void> {
  const status = error.statusCode ?? 500
  const about = { request: request.id, call: callOf(request), status }
  if (status >= 500) log.error({ ...about, reason: error.stack ?? String(error) }, 'request failed')
  const message = error.statusCode === undefined ? 'an error in the control plane' : error.message
  await reply.code(status).send({ error: message, request_id: request.id })
}

/** Every error of a call, and every call that there is not, is answered so. */
export function answerErrors(server: FastifyInstance, log: ControlPlaneLog): void {
  server.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply, log))
  server.setNotFoundHandler(async (request, reply) => {
    await reply.code(404).send({ error: 'there is no such call', request_id: request.id })
  })
}

function callOf({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${routeOptions?.url ?? '(no such call)'}`
}

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { Refusal, type RefusalKind } from '../operation/refusal.ts'
import type { AgentRow } from '../store/rows.ts'
import type { Limits } from './limits.ts'
import { retryAfterS } from './retry-after.ts'
import { reasonAgainst } from './unknown-field.ts'

/** What the control plane writes about itself. */
export type ControlPlaneLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

const statuses: Readonly<Record<RefusalKind, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  missing: 404,
  conflict: 409,
  gone: 410,
  // So answers the server whose protocol this is (protocol §1).
  nothing: 500,
  busy: 503,
}
const leastRetryS = 5

/** A line for each request that is refused, but for those that are too many, with the pattern of its path: no credential, body or name of a client is in it. */
export function logRequests(server: FastifyInstance, log: ControlPlaneLog): void {
  server.addHook('onResponse', async (request, reply) => {
    const facts = {
      request: request.id,
      call: callOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    }
    // A flood that is turned away fills no log; the metrics count it.
    const isTold = reply.statusCode >= 400 && reply.statusCode < 500 && reply.statusCode !== 429
    log[isTold ? 'info' : 'debug'](facts, 'request')
  })
}

/** Two hosts say that they are this agent. */
export function tellTwin(log: ControlPlaneLog, { name }: Pick<AgentRow, 'name'>, reason: string): void {
  const hint = 'stop the host that is not to be it; if the other is shut out: waxseal control-plane readmit'
  log.error({ agent: name, reason, hint }, 'two hosts are one agent')
}

/** Writes an error of a call into the log, with where it happened; returns what its client may know. 503 gets a `Retry-After`. */
export function tellError(
  error: FastifyError | Refusal | WaxsealError,
  request: FastifyRequest,
  reply: FastifyReply,
  log: ControlPlaneLog,
): { readonly status: number; readonly message: string } {
  const status = statusOf(error)
  const about = { request: request.id, call: callOf(request), status }
  if (status >= 500) log.error({ ...about, reason: reasonOf(error) }, 'request failed')
  if (status === 503) reply.header('retry-after', String(retryAfterS(leastRetryS)))
  const isOwn = error instanceof Refusal || ('statusCode' in error && error.statusCode !== undefined)
  const message = isOwn
    ? ownMessage(error, request)
    : isUnreachable(error)
      ? error.message
      : 'an error in the control plane: its log says which, by the request_id of this answer'
  return { status, message }
}

/** Answers an error; what the control plane did wrong itself is told in its log alone. */
export async function answerError(
  error: FastifyError | Refusal | WaxsealError,
  request: FastifyRequest,
  reply: FastifyReply,
  log: ControlPlaneLog,
): Promise<void> {
  const { status, message } = tellError(error, request, reply, log)
  await reply.code(status).send({ error: message, request_id: request.id })
}

function ownMessage(error: FastifyError | Refusal | WaxsealError, request: FastifyRequest): string {
  return 'validation' in error ? reasonAgainst(error, request) : error.message
}

/** Every error of a call, and every call that there is not, is answered so. */
export function answerErrors(server: FastifyInstance, limits: Limits, log: ControlPlaneLog): void {
  server.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply, log))
  server.addHook('onRequest', async (request, reply) => {
    // Before the body, which nobody is known for.
    if (!request.is404 || (await limits.isAddressLimited(request, reply))) return
    await limits.countRefused(request)
    await reply.code(404).send({ error: 'there is no such call', request_id: request.id })
  })
}

function statusOf(error: FastifyError | Refusal | WaxsealError): number {
  if (error instanceof Refusal) return statuses[error.kind]
  if (isUnreachable(error)) return 503
  return 'statusCode' in error ? (error.statusCode ?? 500) : 500
}

function isUnreachable(error: unknown): boolean {
  return error instanceof WaxsealError && error.code === 'DATABASE_UNREACHABLE'
}

function reasonOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? error.cause.message}` : ''
  return `${error.stack ?? error.message}${cause}`
}

/** A call by the pattern of its path: no name or id of a client is in it. */
export function callOf({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${routeOptions?.url ?? '(no such call)'}`
}

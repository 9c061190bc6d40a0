import type { FastifyRequest } from 'fastify'

/** The secret of `Authorization: Bearer …`; null: there is none. */
export function secretIn(request: FastifyRequest): string | null {
  return /^Bearer ([\x21-\x7e]{1,4096})$/.exec(request.headers.authorization ?? '')?.[1] ?? null
}

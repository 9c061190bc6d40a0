import type { FastifyRequest } from 'fastify'
import { Refusal } from '../operation/refusal.ts'

/** The secret of `Authorization: Bearer …`. */
export function bearerOf(request: FastifyRequest): string {
  const match = /^Bearer ([\x21-\x7e]{1,4096})$/.exec(request.headers.authorization ?? '')
  if (match?.[1] === undefined) throw new Refusal('unauthorized', 'a bearer credential is needed')
  return match[1]
}

import type { FastifyError, FastifyRequest } from 'fastify'
import { nearest } from '../../error/nearest.ts'

interface Fields {
  readonly properties?: Readonly<Record<string, unknown>>
}

/** What is said of a request that no schema allows: with the unknown field and the one that may be meant, or with the known values. */
export function reasonAgainst(error: FastifyError, request: FastifyRequest): string {
  const [first] = error.validation ?? []
  if (first === undefined) return error.message
  if (first.keyword === 'enum' && Array.isArray(first.params['allowedValues']))
    return `${error.message}: ${first.params['allowedValues'].map(String).join(', ')}`
  const unknown = first.params['additionalProperty']
  if (first.keyword !== 'additionalProperties' || typeof unknown !== 'string') return error.message
  const context = error.validationContext === 'querystring' ? 'querystring' : 'body'
  const known = Object.keys((request.routeOptions.schema?.[context] as Fields | undefined)?.properties ?? {})
  const meant = nearest(unknown, known)
  return `there is no such field: ${unknown.slice(0, 64)}${meant === null ? `; known are ${known.join(', ')}` : `; is ${meant} meant?`}`
}

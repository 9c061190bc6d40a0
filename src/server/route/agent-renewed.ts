import type { FastifyInstance } from 'fastify'
import { agentOf, type Guard } from '../http/authenticate.ts'
import type { Parts } from '../operation/parts.ts'
import { takeOverRenewal } from '../operation/renewal/take-over-renewal.ts'
import { renewedSchema } from './schemas-of-own-renewals.ts'

interface Renewed {
  readonly target_id: string
  readonly replaces?: string
  readonly certificate_pem: string
  readonly status: 'Completed' | 'Failed'
  readonly error?: string
  readonly outcome?: object
}

/** The call by which an agent tells what its host has renewed while this server was away. */
export function agentRenewedRoutes(server: FastifyInstance, parts: Parts, guard: Guard): void {
  server.post<{ Body: Renewed }>(
    '/api/v1/agents/:id/renewed',
    { onRequest: guard, schema: { body: renewedSchema } },
    async (request) => {
      const { target_id: targetId, certificate_pem: pem, replaces = null } = request.body
      const { status, error = null, outcome = null } = request.body
      const renewal = { targetId, replaces, pem, status, error, outcome }
      return { status: await takeOverRenewal(parts, agentOf(request), renewal) }
    },
  )
}

import type { FastifyInstance } from 'fastify'
import { activeAgentOf, type Guard } from '../http/authenticate.ts'
import { askHostRollback } from '../operation/dane/host-rollback.ts'
import type { Parts } from '../operation/parts.ts'
import { timeOrNull } from './on-wire.ts'
import { rollbackSchema } from './schemas-of-dane.ts'

interface Asked {
  readonly target_id: string
  readonly fingerprint: string
  readonly wait_s: number
  readonly job_id?: string
}

/** The call of a host that is about to go back to an older key by itself (protocol §4). */
export function agentRollbackRoutes(server: FastifyInstance, parts: Parts, guards: readonly Guard[]): void {
  server.post<{ Body: Asked }>(
    '/api/v1/agents/:id/rollbacks',
    { onRequest: [...guards], schema: { body: rollbackSchema } },
    async (request) => {
      const { target_id: targetId, fingerprint, wait_s: waitS, job_id: jobId = null } = request.body
      const asked = { targetId, fingerprint, waitMs: waitS * 1000, jobId }
      const answer = await askHostRollback(parts, activeAgentOf(request), asked)
      return {
        status: answer.status,
        job_id: answer.jobId,
        names: answer.names.map(({ name, state, usableAt, isByHand, problem }) => ({
          name,
          state,
          usable_at: timeOrNull(usableAt),
          by_hand: isByHand,
          problem,
        })),
      }
    },
  )
}

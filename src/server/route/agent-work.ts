import type { FastifyInstance } from 'fastify'
import { activeAgentOf, agentOf, type Guard } from '../http/authenticate.ts'
import type { ControlPlaneLog } from '../http/log-requests.ts'
import { claimWork, leaseMs } from '../operation/claim-work.ts'
import { heartbeat } from '../operation/heartbeat.ts'
import type { SaidIdentity } from '../operation/notice-twin.ts'
import { newestFor } from '../operation/own-certificate.ts'
import type { Parts } from '../operation/parts.ts'
import { submitCsr } from '../operation/submit-csr.ts'
import { workItem } from './on-wire.ts'
import { csrSchema, heartbeatSchema } from './schemas.ts'

/** What this server knows of protocol §4. */
const serverFeatures = ['drift', 'lease', 'cancel', 'csr_accepted', 'ca_pem', 'credential', 'host'] as const

/** The calls by which an agent gets its work. */
export function agentWorkRoutes(server: FastifyInstance, parts: Parts, guard: Guard, log: ControlPlaneLog): void {
  server.post<{ Body: { readonly features?: readonly string[]; readonly host?: SaidIdentity } }>(
    '/api/v1/agents/:id/heartbeat',
    { onRequest: guard, schema: { body: heartbeatSchema } },
    async (request) => {
      const { features = [], host = null } = request.body
      const agent = activeAgentOf(request)
      const { cancel, twin } = await heartbeat(parts, agent, features, host)
      if (twin !== null) log.error({ agent: agent.name, reason: twin }, 'two hosts are one agent')
      const answer = { status: 'heartbeat_recorded', features: serverFeatures }
      return {
        ...answer,
        ...(features.includes('cancel') ? { cancel } : {}),
        ...(features.includes('ca_pem') ? { ca_pem: parts.authority.caPem } : {}),
      }
    },
  )

  server.get('/api/v1/agents/:id/work', { onRequest: guard }, async (request) => {
    const agent = activeAgentOf(request)
    const leaseS = agent.features.includes('lease') ? leaseMs / 1000 : null
    const jobs = (await claimWork(parts, agent)).map((claimed) => workItem(claimed, leaseS))
    return { jobs, count: jobs.length }
  })

  server.get<{ Params: { certificate: string } }>(
    '/api/v1/agents/:id/certificates/:certificate',
    { onRequest: guard },
    async (request) => {
      return { certificate_pem: await newestFor(parts, agentOf(request), request.params.certificate) }
    },
  )

  server.post<{ Body: { csr_pem: string; certificate_id: string } }>(
    '/api/v1/agents/:id/csr',
    { onRequest: guard, schema: { body: csrSchema } },
    async (request, reply) => {
      const { csr_pem: csrPem, certificate_id: certificateId } = request.body
      const state = await submitCsr(parts, activeAgentOf(request), { certificateId, csrPem })
      return reply.code(202).send({ status: `csr_${state}` })
    },
  )
}

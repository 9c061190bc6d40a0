import type { FastifyInstance } from 'fastify'
import { activeAgentOf, type Guard } from '../http/authenticate.ts'
import { submitCsr } from '../operation/certificate/submit-csr.ts'
import type { Parts } from '../operation/parts.ts'
import { csrSchema } from './schemas.ts'

interface CsrBody {
  readonly csr_pem: string
  readonly certificate_id: string
  readonly job_id?: string
  readonly next_spki_sha256?: string
}

/** The call by which an agent sends a CSR. */
export function agentCsrRoute(server: FastifyInstance, parts: Parts, guards: readonly Guard[]): void {
  server.post<{ Body: CsrBody }>(
    '/api/v1/agents/:id/csr',
    { onRequest: [...guards], schema: { body: csrSchema } },
    async (request, reply) => {
      const { csr_pem: csrPem, certificate_id: certificateId, job_id: jobId, next_spki_sha256: nextSpki } = request.body
      const job = jobId === undefined ? {} : { jobId }
      const next = nextSpki === undefined ? {} : { nextSpki }
      const state = await submitCsr(parts, activeAgentOf(request), { certificateId, csrPem, ...job, ...next })
      return reply.code(202).send({ status: `csr_${state}` })
    },
  )
}

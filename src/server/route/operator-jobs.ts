import type { FastifyInstance } from 'fastify'
import { actorOf } from '../http/authenticate.ts'
import { requestCertificate } from '../operation/certificate/request-certificate.ts'
import { cancelJob } from '../operation/job/cancel-job.ts'
import { deployCertificate, takeBackTarget, validateTarget } from '../operation/job/deploy-certificate.ts'
import { endJob } from '../operation/job/end-job.ts'
import { findJob, listJobs, type WantedJobs } from '../operation/job/list-jobs.ts'
import type { Parts } from '../operation/parts.ts'
import { Refusal } from '../operation/refusal.ts'
import type { CertificateBody } from './bodies.ts'
import { jobOnWire, provenOf } from './on-wire.ts'
import { nextOf, type PageQuery, pageOf } from './page.ts'
import { policyIn } from './policy-body.ts'
import {
  certificateRequestSchema,
  deploymentSchema,
  jobsQuerySchema,
  takeBackSchema,
  validationSchema,
} from './schemas.ts'

const defaultValidityDays = 47

interface DeploymentBody {
  readonly certificate_id: string
  readonly target_id: string
  readonly not_before?: string
  readonly deadline?: string
}

/** The operator's calls that make jobs, and those that show them. */
export function operatorJobRoutes(server: FastifyInstance, parts: Parts): void {
  requestCertificates(server, parts)
  workOnTargets(server, parts)
  endJobs(server, parts)
  showJobs(server, parts)
}

function requestCertificates(server: FastifyInstance, parts: Parts): void {
  server.post<{ Body: CertificateBody }>(
    '/certificates',
    { schema: { body: certificateRequestSchema } },
    async (request, reply) => {
      const { agent_id, common_name, sans = [], validity_days = defaultValidityDays, deploy_to = [] } = request.body
      const { certificateId, jobId } = await requestCertificate(parts, actorOf(request), {
        agent: agent_id,
        commonName: common_name,
        sans,
        validityDays: validity_days,
        deployTo: deploy_to,
        policy: policyIn(request.body),
      })
      return reply.code(201).send({ certificate_id: certificateId, job_id: jobId })
    },
  )
}

function workOnTargets(server: FastifyInstance, parts: Parts): void {
  server.post<{ Body: DeploymentBody }>(
    '/deployments',
    { schema: { body: deploymentSchema } },
    async (request, reply) => {
      const { certificate_id, target_id, not_before, deadline } = request.body
      const times = { notBefore: timeIn(not_before), deadline: timeIn(deadline) }
      const job_id = await deployCertificate(parts, actorOf(request), certificate_id, target_id, times)
      return reply.code(201).send({ job_id })
    },
  )

  server.post<{ Body: { target_id: string } }>(
    '/validations',
    { schema: { body: validationSchema } },
    async (request, reply) => {
      const job_id = await validateTarget(parts, actorOf(request), request.body.target_id)
      return reply.code(201).send({ job_id })
    },
  )

  server.post<{ Body: { target_id: string; certificate_id?: string } }>(
    '/take-backs',
    { schema: { body: takeBackSchema } },
    async (request, reply) => {
      const { target_id, certificate_id } = request.body
      const job_id = await takeBackTarget(parts, actorOf(request), target_id, certificate_id)
      return reply.code(201).send({ job_id })
    },
  )
}

function endJobs(server: FastifyInstance, parts: Parts): void {
  server.post<{ Params: { id: string } }>('/jobs/:id/end', async (request) => {
    await endJob(parts, actorOf(request), request.params.id)
    return { status: 'Failed' }
  })

  server.post<{ Params: { id: string } }>('/jobs/:id/cancel', async (request) => ({
    status: await cancelJob(parts, actorOf(request), request.params.id),
  }))
}

function showJobs(server: FastifyInstance, parts: Parts): void {
  server.get<{ Querystring: PageQuery & WantedJobs }>(
    '/jobs',
    { schema: { querystring: jobsQuerySchema } },
    async (request) => {
      const page = pageOf(request.query)
      const jobs = await listJobs(parts, page, request.query)
      return {
        jobs: jobs.map((job) => ({
          ...jobOnWire(job),
          seq: job.seq,
          agent_name: job.agentName,
          target_name: job.targetName,
          common_name: job.commonName,
          proven: provenOf(job),
        })),
        next: nextOf(jobs, page, ({ seq }) => String(seq)),
      }
    },
  )

  server.get<{ Params: { id: string } }>('/jobs/:id', async (request) => {
    const job = await findJob(parts, request.params.id)
    return { ...jobOnWire(job), outcome: job.outcome }
  })
}

/** Null: it was left out. */
function timeIn(text: string | undefined): number | null {
  if (text === undefined) return null
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new Refusal('invalid', 'not_before and deadline are times such as 2026-11-01T02:00:00Z')
  return at
}

import type { FastifyInstance } from 'fastify'
import { activeAgentOf, agentOf, type Guard } from '../http/authenticate.ts'
import { recordCertificates, type ToldCertificate } from '../operation/discovery/record-certificates.ts'
import { type JobReport, recordVerification, renewLease, reportJob } from '../operation/job/report-job.ts'
import type { Parts } from '../operation/parts.ts'
import { Refusal } from '../operation/refusal.ts'
import { recordDrift } from '../operation/target/record-discoveries.ts'
import { discoveriesSchema, statusSchema, verifySchema } from './schemas.ts'

interface Drift {
  readonly target_id: string
  readonly looked_at: string
  readonly reasons: readonly string[]
}

interface Verification {
  readonly target_id: string
  readonly expected_fingerprint: string
  readonly actual_fingerprint: string
  readonly verified: boolean
  readonly error?: string
}

interface Discoveries {
  readonly certificates: readonly unknown[] | null
  readonly errors: readonly unknown[] | null
  readonly drift?: readonly Drift[]
  readonly gone?: readonly { readonly fingerprint_sha256: string; readonly source_path: string }[]
}

/** Of one target that is shown in a list of a thousand. */
const [mostReasons, longestReason] = [50, 1000]
/** PATH_MAX of Linux. */
const longestPath = 4096

/** The calls by which an agent says what became of its work. A retired one may still say it. */
export function agentReportRoutes(server: FastifyInstance, parts: Parts, guard: Guard, guardLasting: Guard): void {
  server.post<{
    Params: { job: string }
    Body: { status: JobReport['status']; error?: string; outcome?: object; certificate?: object }
  }>('/api/v1/agents/:id/jobs/:job/status', { onRequest: guard, schema: { body: statusSchema } }, async (request) => {
    const { status, error = null, certificate } = request.body
    // Of a validation, which has no other outcome.
    const { outcome = certificate === undefined ? null : { certificate } } = request.body
    await reportJob(parts, agentOf(request), { jobId: request.params.job, status, error, outcome })
    return { status: 'updated' }
  })

  server.post<{ Params: { job: string } }>(
    '/api/v1/agents/:id/jobs/:job/lease',
    { onRequest: guard },
    async (request) => ({
      lease_s: (await renewLease(parts, agentOf(request), request.params.job)) / 1000,
    }),
  )

  sightingCalls(server, parts, [guard, guardLasting])
}

/** What is seen on the host, and is kept each time. */
function sightingCalls(server: FastifyInstance, parts: Parts, guards: readonly Guard[]): void {
  server.post<{ Params: { job: string }; Body: Verification }>(
    '/api/v1/jobs/:job/verify',
    { onRequest: [...guards], schema: { body: verifySchema } },
    async (request) => {
      const { target_id, expected_fingerprint, actual_fingerprint, verified, error } = request.body
      const verification = { target_id, expected_fingerprint, actual_fingerprint, verified, error }
      await recordVerification(parts, agentOf(request), request.params.job, verification)
      return { status: 'recorded' }
    },
  )

  server.post<{ Body: Discoveries }>(
    '/api/v1/agents/:id/discoveries',
    { onRequest: [...guards], schema: { body: discoveriesSchema } },
    async (request, reply) => {
      const agent = activeAgentOf(request)
      const { certificates, errors, drift = [], gone = [] } = request.body
      if ((certificates ?? []).length + (errors ?? []).length + drift.length + gone.length === 0)
        throw new Refusal('nothing', 'nothing was discovered')
      const rows = drift.map(({ target_id, looked_at, reasons }) => ({
        targetId: target_id,
        since: looked_at,
        reasons: reasons.slice(0, mostReasons).map((reason) => reason.slice(0, longestReason)),
      }))
      await recordDrift(parts, agent, rows)
      const places = gone.map(({ fingerprint_sha256, source_path }) => ({
        fingerprint: fingerprint_sha256,
        path: source_path,
      }))
      await recordCertificates(parts, agent, (certificates ?? []).map(toldCertificate), places)
      return reply.code(202).send({ status: 'accepted' })
    },
  )
}

/** Whatever else an agent says of a certificate, it is read out of the certificate. */
function toldCertificate(entry: unknown): ToldCertificate {
  const { pem_data, source_path, source_format } = (entry ?? {}) as Readonly<Record<string, unknown>>
  return {
    pem: typeof pem_data === 'string' ? pem_data : '',
    path: typeof source_path === 'string' ? source_path.slice(0, longestPath) : '',
    format: source_format === 'DER' ? 'DER' : 'PEM',
  }
}

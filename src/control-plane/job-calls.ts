import type { RenewedReport } from '../documents/report.ts'
import { outcomeWithout } from '../documents/without-output.ts'
import type { CertificateFacts, Outcome } from '../outcome/outcome.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { type Send, unusable } from './request.ts'
import { acceptedSchema, certificateSchema, leaseSchema } from './wire.ts'

/** A final or running state of a job. */
export interface StatusReport {
  readonly status: 'Running' | 'Completed' | 'Failed' | 'Cancelled'
  readonly error?: string
  readonly outcome?: Outcome
  readonly certificate?: CertificateFacts
}

/** What was seen on the socket. */
export interface VerificationReport {
  readonly targetId: string
  readonly expected: string
  readonly actual: string
  readonly verified: boolean
  readonly error?: string
}

/** What became of a renewal by this host itself. */
export type RenewalReport = Omit<RenewedReport, 'kind' | 'jobId'>

/** The calls about one job or one certificate. */
export interface JobCalls {
  /** PEM: leaf and chain, the newest version. */
  certificate(certificateId: string): Promise<string>
  /** `accepted`: it is signed in the background, and what is deployed then comes a little later. */
  submitCsr(certificateId: string, csrPem: string, about?: AboutCsr): Promise<'accepted' | 'signed'>
  /** This agent still has the job, and will begin it. Returns for how long that holds, in milliseconds. */
  renewLease(jobId: string): Promise<number>
  reportStatus(jobId: string, report: StatusReport): Promise<void>
  reportVerification(jobId: string, report: VerificationReport): Promise<void>
  /** For a server that has said the feature `renewed` (protocol §4). */
  reportRenewed(report: RenewalReport): Promise<void>
}

/** What a CSR is sent with. */
export interface AboutCsr {
  /** The job that asked for it. */
  readonly jobId?: string
  /** The key that was made ahead; null: none was. */
  readonly nextSpki?: string | null
}

const isCertificate = schemaCheck<{ readonly certificate_pem: string }>(certificateSchema)
const isAccepted = schemaCheck<object>(acceptedSchema)
const isLease = schemaCheck<{ readonly lease_s: number }>(leaseSchema)

const signingMs = 300_000

/** `agent` is the path of the agent's own calls. */
export function jobCalls(send: Send, agent: string): JobCalls {
  return {
    certificate: async (certificateId) => {
      const answer = await send({ method: 'GET', path: `${agent}/certificates/${encodeURIComponent(certificateId)}` })
      if (!isCertificate(answer)) throw unusable('the certificate answer has no certificate_pem')
      return answer.certificate_pem
    },
    submitCsr: async (certificateId, csrPem, { jobId, nextSpki = null } = {}) => {
      const job = jobId === undefined ? {} : { job_id: jobId }
      const next = nextSpki === null ? {} : { next_spki_sha256: nextSpki }
      const body = { csr_pem: csrPem, certificate_id: certificateId, ...job, ...next }
      const answer = await send({ method: 'POST', path: `${agent}/csr`, body, timeoutMs: signingMs })
      return isAccepted(answer) ? 'accepted' : 'signed'
    },
    reportStatus: async (jobId, { outcome, ...report }) => {
      const job = encodeURIComponent(jobId)
      // Once more: a report that waits may be of an older Waxseal.
      const body = { ...report, ...(outcome === undefined ? {} : { outcome: outcomeWithout(outcome) }) }
      const headers = { 'idempotency-key': `${job}/${report.status}` }
      await send({ method: 'POST', path: `${agent}/jobs/${job}/status`, body, headers })
    },
    reportRenewed: async ({ targetId, replaces, certificatePem, status, error, outcome }) => {
      const body = {
        target_id: targetId,
        replaces,
        certificate_pem: certificatePem,
        status,
        ...(error === undefined ? {} : { error }),
        ...(outcome === undefined ? {} : { outcome: outcomeWithout(outcome) }),
      }
      await send({ method: 'POST', path: `${agent}/renewed`, body })
    },
    renewLease: async (jobId) => {
      const answer = await send({ method: 'POST', path: `${agent}/jobs/${encodeURIComponent(jobId)}/lease` })
      if (!isLease(answer)) throw unusable('the answer to the renewal of a lease has no lease_s')
      return answer.lease_s * 1000
    },
    reportVerification: async (jobId, { targetId, expected, actual, verified, error }) => {
      const body = { target_id: targetId, expected_fingerprint: expected, actual_fingerprint: actual, verified, error }
      await send({ method: 'POST', path: `/api/v1/jobs/${encodeURIComponent(jobId)}/verify`, body })
    },
  }
}

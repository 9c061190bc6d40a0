import type { Job } from '../documents/job.ts'
import { outcomeWithout } from '../documents/without-output.ts'
import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { limits } from '../limit/limits.ts'
import type { CertificateFacts, Outcome } from '../outcome/outcome.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { type Endpoint, openSend, type Send } from './request.ts'
import { beyond, type MalformedItem, toJob } from './to-job.ts'
import { watchForUnknownAgent } from './unknown-agent.ts'
import { certificateSchema, driftFeatureSchema, registrationSchema, workSchema } from './wire.ts'

/** What the agent says of its host. */
export interface HostFacts {
  readonly version: string
  readonly hostname: string
  readonly os: string
  readonly architecture: string
  readonly ipAddress: string
}

/** A final or running state of a job. */
export interface StatusReport {
  readonly status: 'Running' | 'Completed' | 'Failed'
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

/** What one target is like, against what was deployed to it. */
export interface TargetDrift {
  readonly target: string
  /** When it was looked at: RFC 3339, UTC. */
  readonly at: string
  /** What is not as it was deployed, a sentence each. */
  readonly reasons: readonly string[]
}

/**
 * The control plane as an agent sees it (protocol §1). Each call fails with CONTROL_PLANE_UNREACHABLE (try again),
 * CONTROL_PLANE_REFUSED or AGENT_RETIRED.
 */
export interface ControlPlane {
  heartbeat(facts: HostFacts): Promise<void>
  /** The call is the claim: what it returns is not offered again. */
  work(): Promise<{ readonly jobs: readonly Job[]; readonly malformed: readonly MalformedItem[] }>
  /** PEM: leaf and chain, the newest version. */
  certificate(certificateId: string): Promise<string>
  submitCsr(certificateId: string, csrPem: string): Promise<void>
  reportStatus(jobId: string, report: StatusReport): Promise<void>
  reportVerification(jobId: string, report: VerificationReport): Promise<void>
  /**
   * What is not as it was deployed, a sentence each, as the errors of a discovery; a server with the feature `drift` is told of
   * targets that are in order, too. False: there was nothing that this server takes, and nothing was sent.
   */
  reportDrift(drift: readonly TargetDrift[]): Promise<boolean>
  /** How far this clock is ahead of the server's at the last answer, in milliseconds; null: it has not said. */
  clockAheadMs(): number | null
  close(): Promise<void>
}

const isWork = schemaCheck<{ readonly jobs: readonly unknown[] | null }>(workSchema)
const isCertificate = schemaCheck<{ readonly certificate_pem: string }>(certificateSchema)
const isRegistration = schemaCheck<{ readonly id: string; readonly api_key?: string }>(registrationSchema)
const takesDriftOf = schemaCheck<object>(driftFeatureSchema)

const signingMs = 300_000

/** Opens the client of one agent. Connects at the first call. */
export function openControlPlane(options: Endpoint & { readonly agentId: string }): ControlPlane {
  const { send, clockAheadMs, close } = openSend(options)
  const agent = `/api/v1/agents/${encodeURIComponent(options.agentId)}`
  let takesDrift = false
  const watch = watchForUnknownAgent()
  const sendAsAgent: Send = async (call) => {
    try {
      const answer = await send(call)
      watch.answered()
      return answer
    } catch (error) {
      throw watch.failed(asWaxsealError(error))
    }
  }
  return {
    clockAheadMs,
    close,
    heartbeat: async (facts) => {
      takesDrift = takesDriftOf(await sendAsAgent({ method: 'POST', path: `${agent}/heartbeat`, body: toWire(facts) }))
    },
    work: async () => {
      const answer = await sendAsAgent({ method: 'GET', path: `${agent}/work` })
      if (!isWork(answer)) throw unusable('the work answer has no list of jobs')
      const items = (answer.jobs ?? []).map((item, index) =>
        index < limits.jobsPerPoll.most ? toJob(item) : beyond(item),
      )
      return {
        jobs: items.filter((item) => 'kind' in item),
        malformed: items.filter((item): item is MalformedItem => !('kind' in item)),
      }
    },
    certificate: async (certificateId) => {
      const answer = await send({ method: 'GET', path: `${agent}/certificates/${encodeURIComponent(certificateId)}` })
      if (!isCertificate(answer)) throw unusable('the certificate answer has no certificate_pem')
      return answer.certificate_pem
    },
    submitCsr: async (certificateId, csrPem) => {
      const body = { csr_pem: csrPem, certificate_id: certificateId }
      await send({ method: 'POST', path: `${agent}/csr`, body, timeoutMs: signingMs })
    },
    reportStatus: async (jobId, { outcome, ...report }) => {
      const job = encodeURIComponent(jobId)
      // Once more: a report that waits may be of an older Waxseal.
      const body = { ...report, ...(outcome === undefined ? {} : { outcome: outcomeWithout(outcome) }) }
      const headers = { 'idempotency-key': `${job}/${report.status}` }
      await send({ method: 'POST', path: `${agent}/jobs/${job}/status`, body, headers })
    },
    reportDrift: async (drift) => {
      const errors = drift.flatMap(({ target, reasons }) => reasons.map((reason) => `${target}: ${reason}`))
      // A server that does not know the field has an error for a discovery without a finding.
      if (errors.length === 0 && !(takesDrift && drift.length > 0)) return false
      const body = {
        agent_id: options.agentId,
        directories: [],
        certificates: [],
        errors,
        scan_duration_ms: 0,
        drift: drift.map(({ target, at, reasons }) => ({ target_id: target, looked_at: at, reasons })),
      }
      await send({ method: 'POST', path: `${agent}/discoveries`, body })
      return true
    },
    reportVerification: async (jobId, { targetId, expected, actual, verified, error }) => {
      const body = { target_id: targetId, expected_fingerprint: expected, actual_fingerprint: actual, verified, error }
      await send({ method: 'POST', path: `/api/v1/jobs/${encodeURIComponent(jobId)}/verify`, body })
    },
  }
}

/** Registers this host with a one-time token. The credential is null where the server hands out none. */
export async function register(
  endpoint: Endpoint,
  name: string,
  facts: HostFacts,
): Promise<{ readonly agentId: string; readonly credential: string | null }> {
  const { send, close } = openSend(endpoint)
  try {
    const answer = await send({ method: 'POST', path: '/api/v1/agents', body: { name, ...toWire(facts) } })
    if (!isRegistration(answer)) throw unusable('the registration answer has no id')
    return { agentId: answer.id, credential: answer.api_key ?? null }
  } finally {
    await close()
  }
}

function toWire({ ipAddress, ...facts }: HostFacts): object {
  return { ...facts, ip_address: ipAddress }
}

function unusable(reason: string): WaxsealError {
  return new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason })
}

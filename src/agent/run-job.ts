import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import { asWaxsealError, describeError, WaxsealError } from '../error/waxseal-error.ts'
import type { DeploymentJob, IssuanceJob, Job, ValidationJob } from '../inbox/job.ts'
import { createCertificateRequest } from '../material/certificate-request.ts'
import type { KeyStore } from '../material/key-store.ts'
import type { Report } from '../outbox/outbox.ts'
import type { Outcome } from '../outcome/outcome.ts'
import { deploy } from './deploy.ts'
import type { Engine } from './engine.ts'
import { inspect } from './inspect.ts'
import type { KeyRequests } from './key-requests.ts'
import type { OnStep } from './step-recorder.ts'

/** What jobs need beside the engine. */
export interface Workshop {
  readonly engine: Engine
  readonly keys: KeyStore
  readonly keyRequests: KeyRequests
  readonly controlPlane: Pick<ControlPlane, 'certificate' | 'submitCsr'>
  /** Called right before the first step that an interruption could cut off; durable. */
  readonly onBegin: (jobId: string) => Promise<void>
  readonly onStep: OnStep
}

/**
 * Does one job and returns the reports that it earns; none for an issuance that the control plane took.
 * Throws only what may be tried again later (`retry: backoff`): then nothing was touched and nothing is reported.
 */
export async function runJob(job: Job, workshop: Workshop): Promise<readonly Report[]> {
  try {
    if (job.kind === 'issuance') return await requestCertificate(job, workshop)
    if (job.kind === 'deployment') return reportsOf(job, await deployJob(job, workshop))
    if (job.kind === 'validation') return [await validate(job, workshop)]
    throw new WaxsealError('JOB_UNSUPPORTED', { type: job.type, reason: job.reason })
  } catch (error) {
    const coded = asWaxsealError(error)
    if (isWorthAnotherTry(coded)) throw coded
    return [failed(job.id, coded)]
  }
}

/** A call that the control plane refuses for this job will be refused again; a credential may be mended. */
function isWorthAnotherTry({ code, retry, details }: WaxsealError): boolean {
  if (code === 'CONTROL_PLANE_REFUSED') return details['status'] === 401 || details['status'] === 403
  return code === 'AGENT_RETIRED' || retry === 'backoff'
}

/** The report of a job that failed before it became a deployment. */
export function failed(jobId: string, error: WaxsealError): Report {
  return { kind: 'status', jobId, status: 'Failed', error: `${error.code}: ${describeError(error)}` }
}

async function requestCertificate(job: IssuanceJob, workshop: Workshop): Promise<readonly Report[]> {
  const { keys, keyRequests, controlPlane } = workshop
  const earlier = await keyRequests.get(job.id)
  const earlierPem = earlier === null ? null : await keys.find(earlier.spkiSha256)
  const keyPem = earlierPem ?? (await makeKey(job, workshop))
  const csr = await createCertificateRequest({ commonName: job.commonName, sans: job.sans, keyPem })
  await controlPlane.submitCsr(job.certificateId, csr)
  await keyRequests.remove(job.id)
  return []
}

async function makeKey(job: IssuanceJob, { keys, keyRequests }: Workshop): Promise<string> {
  const { spkiSha256, keyPem } = await keys.create()
  await keyRequests.put(job.id, { spkiSha256 })
  return keyPem
}

async function deployJob(job: DeploymentJob, workshop: Workshop): Promise<Outcome> {
  const { engine, keys, controlPlane, onBegin, onStep } = workshop
  const certificatePem = await controlPlane.certificate(job.certificateId)
  await onBegin(job.id)
  const request = {
    target: job.targetId,
    connector: job.targetType,
    config: job.targetConfig,
    certificatePem,
    findKey: (spkiSha256: string) => keys.find(spkiSha256),
  }
  return deploy(request, engine, onStep)
}

async function validate(job: ValidationJob, { engine, onBegin }: Workshop): Promise<Report> {
  await onBegin(job.id)
  const record = await engine.records.get(job.targetId)
  if (record === null)
    throw new WaxsealError('VALIDATION_FAILED', { target: job.targetId, reasons: ['nothing was deployed to it'] })
  const { valid, reasons } = await engine.turns.take(() => inspect(record, engine, { withCheck: true }))
  if (!valid) throw new WaxsealError('VALIDATION_FAILED', { target: job.targetId, reasons })
  return { kind: 'status', jobId: job.id, status: 'Completed' }
}

const nothingSeen = '0'.repeat(64)

function reportsOf(job: DeploymentJob, outcome: Outcome): readonly Report[] {
  const isDone = outcome.outcome === 'deployed' || outcome.outcome === 'unchanged'
  const status: Report = isDone
    ? { kind: 'status', jobId: job.id, status: 'Completed', outcome }
    : { kind: 'status', jobId: job.id, status: 'Failed', error: `${outcome.code}: ${outcome.message}`, outcome }
  const expected = outcome.certificate?.sha256
  if (outcome.probes.length === 0 || expected === undefined) return [status]
  const missing = outcome.probes.find((probe) => !probe.ok)
  const verification: Report = {
    kind: 'verification',
    jobId: job.id,
    targetId: job.targetId,
    expected,
    actual: missing === undefined ? expected : (missing.seen ?? nothingSeen),
    verified: missing === undefined,
    ...(missing === undefined ? {} : { error: missing.error ?? 'another leaf is served' }),
  }
  return [status, verification]
}

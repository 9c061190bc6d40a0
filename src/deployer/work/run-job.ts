import type { ControlPlane } from '../../control-plane/open-control-plane.ts'
import type { DeploymentJob, IssuanceJob, Job, ValidationJob } from '../../documents/job.ts'
import type { Report } from '../../documents/report.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { createCertificateRequest } from '../../material/certificate-request.ts'
import type { KeyStore } from '../../material/key-store.ts'
import type { Step } from '../../outcome/outcome.ts'
import type { Engine } from '../engine.ts'
import { inspect } from '../inspect.ts'
import { endOf, type JobEnd } from './job-end.ts'
import type { KeyRequests } from './key-requests.ts'

/** What jobs need beside the engine. */
export interface Workshop {
  readonly engine: Engine
  readonly keys: KeyStore
  readonly keyRequests: KeyRequests
  readonly controlPlane: Pick<ControlPlane, 'certificate' | 'submitCsr'>
  /** Called right before the first step that an interruption could cut off; durable. */
  readonly onBegin: (jobId: string) => Promise<void>
  readonly onStep: (jobId: string, step: Step) => void
}

/** Does one job that is no deployment. An issuance that the control plane took earns no report. Never throws. */
export async function runJob(job: Exclude<Job, DeploymentJob>, workshop: Workshop): Promise<JobEnd> {
  try {
    if (job.kind === 'issuance') return await requestCertificate(job, workshop)
    if (job.kind === 'validation') return [await validate(job, workshop)]
    throw new WaxsealError('JOB_UNSUPPORTED', { type: job.type, reason: job.reason })
  } catch (error) {
    return endOf(job.id, error)
  }
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

async function validate(job: ValidationJob, { engine, onBegin }: Workshop): Promise<Report> {
  await onBegin(job.id)
  const record = await engine.records.get(job.targetId)
  if (record === null)
    throw new WaxsealError('VALIDATION_FAILED', { target: job.targetId, reasons: ['nothing was deployed to it'] })
  const { valid, reasons } = await engine.turns.take(() => inspect(record, engine, { withCheck: true }))
  if (!valid) throw new WaxsealError('VALIDATION_FAILED', { target: job.targetId, reasons })
  return { kind: 'status', jobId: job.id, status: 'Completed' }
}

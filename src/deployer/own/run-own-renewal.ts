import type { OwnRenewalJob } from '../../documents/job.ts'
import type { RenewedReport } from '../../documents/report.ts'
import { asWaxsealError, describeError, WaxsealError } from '../../error/waxseal-error.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'
import { deploy } from '../deploy.ts'
import type { Engine } from '../engine.ts'
import { readTargetNames } from '../find-target.ts'
import type { DeployRequest } from '../propose/deploy-request.ts'
import type { OnStep } from '../transaction/step-recorder.ts'
import { endOf, type JobEnd } from '../work/job-end.ts'
import { reportsOf } from '../work/reports-of.ts'

/** Deploys a certificate that this host has renewed by itself, as any job: by today's policy, with the proof, or back. Never throws. */
export async function runOwnRenewal(
  job: OwnRenewalJob,
  engine: Engine,
  { onBegin, onStep }: { readonly onBegin: () => Promise<void>; readonly onStep: OnStep },
): Promise<JobEnd> {
  try {
    await requireLive(job, engine)
    const pair = (await engine.archive.list(job.targetId)).find(({ sha256 }) => sha256 === job.replaces)
    if (pair === undefined)
      throw new WaxsealError('KEY_MISSING', {
        target: job.targetId,
        reason: 'the pair that it was to replace is not kept any more',
      })
    await onBegin()
    const targetName = (await readTargetNames(engine)).nameOf(job.targetId)
    const request: DeployRequest = {
      job: job.id,
      own: true,
      target: job.targetId,
      ...(targetName === null ? {} : { targetName }),
      connector: pair.connector,
      config: pair.config,
      certificatePem: job.certificatePem,
      findKey: async () => pair.keyPem,
    }
    const outcome = await deploy(request, engine, onStep)
    const reports = reportsOf(job, outcome)
    if (reports instanceof WaxsealError) return reports
    const isDone = outcome.outcome === 'deployed' || outcome.outcome === 'unchanged'
    const error = isDone ? {} : { error: `${outcome.code}: ${outcome.message}` }
    return [{ ...reportOf(job, isDone ? 'Completed' : 'Failed'), ...error, outcome }]
  } catch (error) {
    const end = endOf(job.id, error)
    return end instanceof WaxsealError ? end : [notRenewed(job, asWaxsealError(error))]
  }
}

/** CERTIFICATE_OLDER: meanwhile another certificate than the one that it replaces has become live. */
async function requireLive({ targetId, replaces, certificatePem }: OwnRenewalJob, { records }: Engine): Promise<void> {
  const live = (await records.get(targetId))?.certificate.sha256
  if (live === replaces || live === parseCertificates(certificatePem)[0]?.sha256) return
  throw new WaxsealError('CERTIFICATE_OLDER', { target: targetId, reason: 'another certificate is live by now' })
}

/** The report of one that failed before it became a deployment. */
export function notRenewed(job: OwnRenewalJob, error: WaxsealError): RenewedReport {
  return { ...reportOf(job, 'Failed'), error: `${error.code}: ${describeError(error)}` }
}

function reportOf(
  { id, targetId, replaces, certificatePem }: OwnRenewalJob,
  status: RenewedReport['status'],
): RenewedReport {
  return { kind: 'renewed', jobId: id, targetId, replaces, certificatePem, status }
}

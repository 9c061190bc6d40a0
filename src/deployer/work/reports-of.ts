import type { DeploymentJob, TakeBackJob } from '../../documents/job.ts'
import type { Report } from '../../documents/report.ts'
import { outcomeWithout } from '../../documents/without-output.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Outcome } from '../../outcome/outcome.ts'
import type { JobEnd } from './job-end.ts'

const nothingSeen = '0'.repeat(64)

/** What the control plane is told of a deployment that a job asked for. One that only waits for its turn is put off: nothing was touched. */
export function reportsOf(job: Pick<DeploymentJob | TakeBackJob, 'id' | 'targetId'>, outcome: Outcome): JobEnd {
  if (outcome.code === 'LIMIT_EXCEEDED') return new WaxsealError('LIMIT_EXCEEDED', { reason: outcome.message })
  const isDone = outcome.outcome === 'deployed' || outcome.outcome === 'unchanged'
  const told = outcomeWithout(outcome)
  const status: Report = isDone
    ? { kind: 'status', jobId: job.id, status: 'Completed', outcome: told }
    : { kind: 'status', jobId: job.id, status: 'Failed', error: `${outcome.code}: ${outcome.message}`, outcome: told }
  const expected = outcome.certificate?.sha256
  if (outcome.probes.length === 0 || expected === undefined) return [status]
  const missing = outcome.proven
    ? outcome.probes.find(({ ok, decides }) => !ok && decides !== false)
    : outcome.probes.find(({ ok }) => !ok)
  const verification: Report = {
    kind: 'verification',
    jobId: job.id,
    targetId: job.targetId,
    expected,
    actual: missing === undefined ? expected : (missing.seen ?? nothingSeen),
    verified: missing === undefined,
    ...(missing === undefined ? {} : { error: errorOf(missing) }),
  }
  return [status, verification]
}

function errorOf({ decides, error }: Outcome['probes'][number]): string {
  const reason = error ?? 'another leaf is served'
  return decides === false ? `unproven: it failed in the same way before the deployment: ${reason}` : reason
}

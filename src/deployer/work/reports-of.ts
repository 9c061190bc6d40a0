import type { DeploymentJob, TakeBackJob } from '../../documents/job.ts'
import type { Report } from '../../documents/report.ts'
import { outcomeWithout } from '../../documents/without-output.ts'
import type { Outcome } from '../../outcome/outcome.ts'

const nothingSeen = '0'.repeat(64)

/** What the control plane is told of a deployment that a job asked for. */
export function reportsOf(
  job: Pick<DeploymentJob | TakeBackJob, 'id' | 'targetId'>,
  outcome: Outcome,
): readonly Report[] {
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

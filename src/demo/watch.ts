import { WaxsealError } from '../error/waxseal-error.ts'
import { systemClock } from '../host/clock.ts'
import type { Operator, OperatorJob } from '../server/client/operator-client.ts'
import { probeOnce } from '../verify/probe-once.ts'
import type { Daemon } from './mail-host/daemon.ts'

const timeoutMs = 60_000

/** The deployments to wait for: of these targets, or with these ids. */
export interface AwaitedJobs {
  readonly certificateId: string
  readonly targets?: readonly string[]
  readonly ids?: readonly string[]
}

/** Waits until all of them are Completed or Failed. */
export async function finishedJobs(
  operator: Operator,
  { certificateId, targets = [], ids = [] }: AwaitedJobs,
  signal: AbortSignal,
): Promise<readonly OperatorJob[]> {
  const deadline = systemClock.now() + timeoutMs
  const isAwaited = (job: OperatorJob): boolean =>
    job.certificate_id === certificateId &&
    job.type === 'Deployment' &&
    (ids.includes(job.id) || targets.includes(job.target_id ?? ''))
  for (;;) {
    const finished = (await operator.jobs()).filter(
      (job) => isAwaited(job) && (job.status === 'Completed' || job.status === 'Failed'),
    )
    if (finished.length === targets.length + ids.length) return Promise.all(finished.map(({ id }) => operator.job(id)))
    if (systemClock.now() > deadline) throw new WaxsealError('INTERNAL', { reason: 'the jobs did not end in time' })
    await systemClock.sleep(100, signal)
  }
}

/** SHA-256 of the leaf that every port serves; INTERNAL when they do not agree. */
export async function servedLeaf(daemons: readonly Daemon[]): Promise<string> {
  const ports = daemons.flatMap((daemon) => daemon.ports)
  const looks = await Promise.all(
    ports.map(({ port, protocol }) =>
      probeOnce({ host: '127.0.0.1', port, protocol, servername: null, keyType: null, timeoutMs: 5000 }),
    ),
  )
  const [leaf, ...others] = new Set(looks.map((look) => look.leaf?.sha256 ?? look.error ?? ''))
  if (leaf !== undefined && others.length === 0) return leaf
  throw new WaxsealError('INTERNAL', { reason: 'the ports do not serve one leaf', seen: [leaf ?? '', ...others] })
}

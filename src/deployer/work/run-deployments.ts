import type { DeploymentJob } from '../../documents/job.ts'
import { asWaxsealError } from '../../error/waxseal-error.ts'
import type { Outcome } from '../../outcome/outcome.ts'
import { deployTogether, type Order } from '../deploy.ts'
import { inParallel } from '../in-parallel.ts'
import { asOrdered, requireOrder } from '../order/require-order.ts'
import { isObtained } from '../own/obtained.ts'
import { endOf, type JobEnd } from './job-end.ts'
import { reportsOf } from './reports-of.ts'
import type { Certificates, Workshop } from './run-job.ts'

/** Durable notes side by side. */
const mostAtOnce = 8

/**
 * Does deployments that wait together, oldest first. `onEnd` is told of each once, and does not throw. One whose
 * certificate cannot be had holds back no other; a retired agent begins no further one. Once the signal
 * aborts, what has begun ends; `onEnd` is told nothing of the others, which stay in the inbox.
 */
export async function runDeployments(
  jobs: readonly DeploymentJob[],
  workshop: Workshop,
  onEnd: (jobId: string, end: JobEnd) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const waiting = new Set<string>()
  const begun = new Map<string, Order>()
  let isRetired = false
  const certificates = await workshop.certificatesOf(jobs)
  const begin = async (job: DeploymentJob): Promise<void> => {
    if (isRetired || (signal.aborted && begun.size > 0)) return
    try {
      const onOutcome = async (outcome: Outcome): Promise<void> => {
        waiting.delete(job.id)
        await onEnd(job.id, reportsOf(job, outcome))
      }
      begun.set(job.id, await orderOf(job, certificates, workshop, onOutcome))
      waiting.add(job.id)
    } catch (error) {
      await onEnd(job.id, endOf(job.id, error))
      isRetired = isRetired || asWaxsealError(error).code === 'AGENT_RETIRED'
    }
  }
  // A disk that takes no first one takes no other.
  const [first, ...others] = jobs
  if (first !== undefined) await begin(first)
  await inParallel(others, mostAtOnce, begin)
  const orders = jobs.flatMap(({ id }) => begun.get(id) ?? [])
  try {
    await deployTogether(orders, workshop.engine, signal)
  } catch (error) {
    for (const jobId of waiting) await onEnd(jobId, endOf(jobId, error))
  }
}

async function orderOf(
  job: DeploymentJob,
  certificates: Certificates,
  workshop: Workshop,
  onOutcome: Order['onOutcome'],
): Promise<Order> {
  const { engine, keys, obtained, onBegin, onStep } = workshop
  const certificatePem = certificates.get(job.id) ?? new Error('it was not asked for')
  if (certificatePem instanceof Error) throw certificatePem
  const order = await requireOrder(job, engine)
  await onBegin(job.id)
  const request = {
    job: job.id,
    target: job.targetId,
    ...(job.targetName === undefined ? {} : { targetName: job.targetName }),
    ...(job.instance === undefined ? {} : { instance: job.instance }),
    connector: job.targetType,
    config: job.targetConfig,
    certificatePem,
    ...((await isObtained(certificatePem, obtained)) ? { renewedHere: true as const } : {}),
    findKey: (spkiSha256: string) => keys.find(spkiSha256),
  }
  return { request: asOrdered(request, order, job.order), onStep: (step) => onStep(job.id, step), onOutcome }
}

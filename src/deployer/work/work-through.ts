import type { DeploymentJob, Job } from '../../documents/job.ts'
import type { Report } from '../../documents/report.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import type { ClaimedJob, Inbox } from '../../inbox/inbox.ts'
import { notRenewed } from '../own/run-own-renewal.ts'
import { failed, type JobEnd } from './job-end.ts'
import { runDeployments } from './run-deployments.ts'
import { runJob, type Workshop } from './run-job.ts'

/** At most this many interrupted tries of one job (docs/design/deployment.md). */
export const maxTries = 2

/** What working through the inbox needs. */
export interface Work {
  readonly inbox: { pending(): readonly ClaimedJob[] | Promise<readonly ClaimedJob[]> } & Pick<
    Inbox,
    'finish' | 'putBack'
  >
  /** SPOOL_FULL: not even the reserve of the disk takes them. */
  readonly report: (reports: readonly Report[]) => Promise<void>
  readonly workshop: Workshop
  /** Before each batch. */
  readonly onBatch?: () => Promise<void>
  /** Told which jobs are being run; none: of the end. */
  readonly onJobs: (jobIds: readonly string[]) => void
  /** Told of each job that was put off, and why. */
  readonly onPutOff: (jobId: string, error: WaxsealError) => void
  readonly signal: AbortSignal
  /** Jobs that are done and not yet written down as finished, with the results that no disk would take yet. */
  readonly unsaved: Map<string, readonly Report[]>
}

/** How many jobs were finished, and the error of the last that was put off. */
export interface Worked {
  readonly done: number
  readonly putOff: WaxsealError | null
}

/**
 * Runs every job in the inbox, oldest first, until the signal aborts; a job that has begun is finished. Each result is
 * in the outbox before the job leaves the inbox (law 8). `isDue`: the others are left for later.
 */
export async function workThrough(work: Work, isDue: (job: Job) => boolean = () => true): Promise<Worked> {
  let done = 0
  let putOff: WaxsealError | null = null
  const onEnd = async (jobId: string, end: JobEnd): Promise<void> => {
    try {
      if (end instanceof WaxsealError) throw end
      await save(jobId, end, work)
      done += 1
    } catch (error) {
      putOff = asWaxsealError(error)
      // A job that only waits for its turn must not seem to have been interrupted.
      if (putOff.code === 'LIMIT_EXCEEDED') await work.inbox.putBack(jobId).catch(() => {})
      work.onPutOff(jobId, putOff)
    }
  }
  const pending = (await work.inbox.pending()).filter(({ job }) => isDue(job))
  for (const batch of batchesOf(pending, work.unsaved)) {
    if (work.signal.aborted) break
    await work.onBatch?.()
    work.onJobs(batch.map(({ job }) => job.id))
    await runBatch(batch, work, onEnd)
    work.onJobs([])
  }
  return { done, putOff }
}

type Batch = readonly ClaimedJob[]

/**
 * Deployments that are new wait together. One that was cut off before is run alone, for it may be what crashed the deployer, and no
 * later one overtakes it, for they may be to the same target; nor does one overtake a job that goes back to an older pair, or a renewal
 * by this host itself.
 */
function batchesOf(pending: readonly ClaimedJob[], unsaved: Work['unsaved']): readonly Batch[] {
  const batches: ClaimedJob[][] = []
  let open: ClaimedJob[] | null = null
  for (const claimed of pending) {
    const isDeployment = claimed.job.kind === 'deployment' && !unsaved.has(claimed.job.id)
    if (isDeployment && claimed.tries === 0 && open !== null) open.push(claimed)
    else {
      const batch = [claimed]
      batches.push(batch)
      if (isDeployment) open = claimed.tries === 0 ? batch : null
      else if (claimed.job.kind === 'take-back' || claimed.job.kind === 'own-renewal') open = null
    }
  }
  return batches
}

async function runBatch(
  batch: Batch,
  { workshop, unsaved, signal }: Work,
  onEnd: (jobId: string, end: JobEnd) => Promise<void>,
): Promise<void> {
  const deployments: DeploymentJob[] = []
  for (const { job, tries } of batch) {
    const saved = unsaved.get(job.id)
    if (saved !== undefined) await onEnd(job.id, saved)
    else if (tries >= maxTries) await onEnd(job.id, [interrupted(job, tries)])
    else if (job.kind === 'deployment') deployments.push(job)
    else await onEnd(job.id, await runJob(job, workshop))
  }
  if (deployments.length > 0) await runDeployments(deployments, workshop, onEnd, signal)
}

function interrupted(job: Job, tries: number): Report {
  const error = new WaxsealError('INTERRUPTED', { tries })
  return job.kind === 'own-renewal' ? notRenewed(job, error) : failed(job.id, error)
}

async function save(jobId: string, reports: readonly Report[], { inbox, report, unsaved }: Work): Promise<void> {
  unsaved.set(jobId, reports)
  await report(reports)
  unsaved.set(jobId, [])
  await inbox.finish(jobId)
  unsaved.delete(jobId)
}

import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import type { ClaimedJob, Inbox } from '../inbox/inbox.ts'
import type { Report } from '../outbox/outbox.ts'
import { failed, runJob, type Workshop } from './run-job.ts'
import type { Spool } from './spool.ts'

/** At most this many interrupted tries of one job (design §3). */
const maxTries = 2

/** What working through the inbox needs. */
export interface Work {
  readonly inbox: Inbox
  readonly spool: Pick<Spool, 'report'>
  readonly workshop: Workshop
  /** Told which job is being run; null: none. */
  readonly onJob: (jobId: string | null) => void
  /** Told of each job that was put off, and why. */
  readonly onPutOff: (jobId: string, error: WaxsealError) => void
  readonly signal: AbortSignal
  /** Jobs that are done and not yet written down as finished, with the results that no disk would take yet. */
  readonly unsaved: Map<string, readonly Report[]>
}

/**
 * Runs every job in the inbox, oldest first, until the signal aborts; a job that has begun is finished. Each result is
 * in the outbox before the job leaves the inbox (law 8). Returns how many were finished, and the error of the last that
 * was put off.
 */
export async function workThrough(
  work: Work,
): Promise<{ readonly done: number; readonly putOff: WaxsealError | null }> {
  let done = 0
  let putOff: WaxsealError | null = null
  for (const claimed of await work.inbox.pending()) {
    if (work.signal.aborted) break
    work.onJob(claimed.job.id)
    try {
      await finish(claimed, work)
      done += 1
    } catch (error) {
      putOff = asWaxsealError(error)
      work.onPutOff(claimed.job.id, putOff)
      if (putOff.code === 'AGENT_RETIRED') throw putOff
    } finally {
      work.onJob(null)
    }
  }
  return { done, putOff }
}

async function finish({ job, tries }: ClaimedJob, { inbox, spool, workshop, unsaved }: Work): Promise<void> {
  const isTired = tries >= maxTries && !unsaved.has(job.id)
  const reports =
    unsaved.get(job.id) ??
    (isTired ? [failed(job.id, new WaxsealError('INTERRUPTED', { tries }))] : await runJob(job, workshop))
  unsaved.set(job.id, reports)
  await spool.report(reports)
  unsaved.set(job.id, [])
  await inbox.finish(job.id)
  unsaved.delete(job.id)
}

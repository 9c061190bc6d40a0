import type { Job } from '../../documents/job.ts'
import type { Report } from '../../documents/report.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Reserve } from '../../host/file/reserve.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import { limits } from '../../limit/limits.ts'
import type { Outbox } from '../../outbox/outbox.ts'
import { full, insist, isStorage } from './insist.ts'
import { failed } from './job-end.ts'

/** Jobs and reports on disk, with a bound on new work and none on results: what has happened is never dropped. */
export interface Spool {
  /** SPOOL_FULL when no new work may be taken: too much is waiting, or the disk has no room for it. */
  requireRoom(): Promise<void>
  /** Writes down what was claimed. What cannot be written even so is kept in memory and written by `catchUp`. */
  accept(jobs: readonly Job[]): Promise<number>
  /** Writes down results of jobs that are written down nowhere; what cannot be is kept in memory, too. */
  answer(reports: readonly Report[]): Promise<void>
  /** Writes down results, into the reserve where there is no other room. SPOOL_FULL: not even that was possible. */
  report(reports: readonly Report[]): Promise<void>
  /** Counts a try, durably, before it begins. SPOOL_FULL: it must not begin. */
  begin(jobId: string): Promise<void>
  /** Writes what could not be written before. Returns how many jobs came to it. */
  catchUp(): Promise<number>
}

const longestInbox = limits.jobsWaiting.most
const longestOutbox = limits.reportsWaiting.most

/** Joins inbox, outbox and reserve. */
export function openSpool(parts: { readonly inbox: Inbox; readonly outbox: Outbox; readonly reserve: Reserve }): Spool {
  const { inbox, outbox, reserve } = parts
  let unwritten: readonly Job[] = []
  let unanswered: readonly Report[] = []
  const accept = async (jobs: readonly Job[]): Promise<number> => {
    let arrived = 0
    for (const [index, job] of jobs.entries()) {
      try {
        await insist(reserve, async () => {
          if ((await inbox.accept(job)) === 'new') arrived += 1
        })
      } catch (error) {
        if (isFull(error)) {
          unwritten = [...unwritten, ...jobs.slice(index)]
          return arrived
        }
        await answer([failed(job.id, new WaxsealError('JOB_MALFORMED', { reason: (error as Error).message }))])
      }
    }
    return arrived
  }
  const answer = async (reports: readonly Report[]): Promise<void> => {
    for (const report of reports) {
      await insist(reserve, () => outbox.put(report)).catch((error: unknown) => {
        if (!isFull(error)) throw error
        unanswered = [...unanswered, report]
      })
    }
  }
  return {
    accept,
    answer,
    requireRoom: async () => {
      const [jobs, reports] = [(await inbox.pending()).length, await outbox.depth()]
      const kept = unwritten.length + unanswered.length
      if (kept > 0) throw full(`${kept} jobs could not be written down`)
      if (jobs >= longestInbox) throw full(`${jobs} jobs are waiting`)
      if (reports >= longestOutbox) throw full(`${reports} results are waiting`)
      await reserve.ensure().catch((error: unknown) => {
        throw isStorage(error) ? full((error as Error).message) : error
      })
    },
    report: async (reports) => {
      for (const report of reports) await insist(reserve, () => outbox.put(report))
    },
    begin: (jobId) => insist(reserve, () => inbox.begin(jobId)),
    catchUp: async () => {
      const [jobs, reports] = [unwritten, unanswered]
      ;[unwritten, unanswered] = [[], []]
      await answer(reports)
      return accept(jobs)
    },
  }
}

function isFull(error: unknown): boolean {
  return error instanceof WaxsealError && error.code === 'SPOOL_FULL'
}

import type { Job } from '../documents/job.ts'
import type { Clock } from '../host/clock.ts'
import type { Done } from './rounds.ts'

/** Renewals that come one after the other share a reload: deployments wait for one another this long at most. */
const gatherMs = 2000

/** What gathering needs. */
export interface Gathering {
  /** Asks for work, and writes it down: all that was offered, and how many are new here. */
  readonly poll: () => Promise<{ readonly jobs: readonly Job[]; readonly fresh: number }>
  /** Sends the requests for certificates that wait. */
  readonly request: () => Promise<Done>
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
}

/**
 * Polls, and sends the requests for certificates that came. As long as there were any, it asks again, for their deployments come
 * then: until a poll brings nothing new. A deployment that came alone waits for nothing.
 */
export async function gather({
  poll,
  request,
  clock,
  signal,
}: Gathering): Promise<{ readonly arrived: number; readonly requested: Done }> {
  const known = new Set<string>()
  let [arrived, done, until] = [0, 0, Number.POSITIVE_INFINITY]
  for (;;) {
    const { jobs, fresh } = await poll()
    arrived += fresh
    const isNews = jobs.some(({ id }) => !known.has(id))
    for (const { id } of jobs) known.add(id)
    if (jobs.some(({ kind }) => kind === 'deployment')) until = Math.min(until, clock.now() + gatherMs)
    const { done: sent, putOff } = await request()
    done += sent
    const isOver = !isNews || done === 0 || putOff !== null
    if (isOver || signal.aborted || clock.now() >= until) return { arrived, requested: { done, putOff } }
  }
}

import type { Job } from '../documents/job.ts'
import { type Clock, pause } from '../host/clock.ts'
import type { Done } from './rounds.ts'

/** Renewals that come one after the other share a reload: deployments wait for one another this long at most. */
const gatherMs = 2000

/** Between two polls for what is signed in the background, in milliseconds. */
const signingMs = 200

/** What gathering needs. */
export interface Gathering {
  /** Asks for work, and writes it down: all that was offered, and how many are new here. */
  readonly poll: () => Promise<{ readonly jobs: readonly Job[]; readonly fresh: number }>
  /** Sends the requests for certificates that wait. */
  readonly request: () => Promise<Done>
  /** Of those that were sent, the certificates that are signed in the background. */
  readonly takeAccepted: () => readonly string[]
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly signal: AbortSignal
}

/** What gathering came to. */
export interface Gathered {
  readonly arrived: number
  readonly requested: Done
  /** How many certificates are still being signed. */
  readonly awaited: number
}

/**
 * Polls, and sends the requests for certificates that came. As long as there were any, it asks again, for their deployments come
 * then: until a poll brings nothing new, and what is signed in the background is there. A deployment that came alone waits for nothing.
 */
export async function gather({ poll, request, takeAccepted, clock, signal }: Gathering): Promise<Gathered> {
  const known = new Set<string>()
  const awaited = new Set<string>()
  let [arrived, done, until] = [0, 0, Number.POSITIVE_INFINITY]
  for (;;) {
    const { jobs, fresh } = await poll()
    arrived += fresh
    const isNews = jobs.some(({ id }) => !known.has(id))
    for (const { id, kind, certificateId } of jobs) {
      known.add(id)
      if (kind === 'deployment') awaited.delete(certificateId)
    }
    if (jobs.some(({ kind }) => kind === 'deployment')) until = Math.min(until, clock.now() + gatherMs)
    const { done: sent, putOff } = await request()
    done += sent
    for (const certificateId of takeAccepted()) awaited.add(certificateId)
    if (awaited.size > 0) until = Math.min(until, clock.now() + gatherMs)
    const isOver = (!isNews || done === 0) && awaited.size === 0
    if (isOver || putOff !== null || signal.aborted || clock.now() >= until)
      return { arrived, requested: { done, putOff }, awaited: awaited.size }
    if (!isNews) await pause(clock, signingMs, signal)
  }
}

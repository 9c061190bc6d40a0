import type { JobCalls } from '../control-plane/job-calls.ts'
import type { Clock } from '../host/clock.ts'

/** Of one agent a control plane takes 50 calls a second, and 100 at once (protocol §1): a fifth is left to the other calls. */
const everyMs = 25
const atOnceMs = 80 * everyMs

/**
 * The calls that come in masses, one and more for each job, no quicker than a control plane takes them: a quick host with fifty new
 * certificates makes more than two hundred within a second or two, and what is too much costs seconds, not milliseconds.
 */
export function spreadCalls(calls: JobCalls, clock: Pick<Clock, 'now' | 'sleep'>): JobCalls {
  /** When as many can be sent at once as ever, in milliseconds since 1970. */
  let freeAt = 0
  const turn = async (): Promise<void> => {
    const now = clock.now()
    // So many wait never: the clock was set back.
    if (freeAt > now + 2 * atOnceMs) freeAt = now
    freeAt = Math.max(freeAt, now) + everyMs
    const wait = freeAt - atOnceMs - now
    if (wait > 0) await clock.sleep(wait)
  }
  const inTurn =
    <Given extends readonly unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
    async (...given: Given): Promise<Answer> => {
      await turn()
      return call(...given)
    }
  return {
    certificate: inTurn(calls.certificate),
    submitCsr: inTurn(calls.submitCsr),
    renewLease: inTurn(calls.renewLease),
    reportStatus: inTurn(calls.reportStatus),
    reportVerification: inTurn(calls.reportVerification),
    reportRenewed: inTurn(calls.reportRenewed),
  }
}

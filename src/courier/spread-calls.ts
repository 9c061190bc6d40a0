import type { JobCalls } from '../control-plane/job-calls.ts'
import type { Clock } from '../host/clock.ts'

/** Of one agent a control plane takes 50 calls a second, and 100 at once (protocol §1): a tenth is left to the other calls, and to a network that is uneven. */
const everyMs = 22
const atOnceMs = 90 * everyMs
/** Reports hurry less than what a deployment waits for. */
const reportsAtOnceMs = 45 * everyMs

/**
 * The calls that come in masses, one and more for each job, no quicker than a control plane takes them: a quick host with fifty new
 * certificates makes more than two hundred within a second or two, and what is too much costs seconds, not milliseconds.
 */
export function spreadCalls(calls: JobCalls, clock: Pick<Clock, 'now' | 'sleep'>): JobCalls {
  /** When as many can be sent at once as ever, in milliseconds since 1970. */
  let freeAt = 0
  const turn = async (most: number): Promise<void> => {
    for (;;) {
      const now = clock.now()
      // Beyond what was ever taken: the clock was set back.
      const from = freeAt > now + atOnceMs ? now : Math.max(freeAt, now)
      const wait = from + everyMs - most - now
      if (wait <= 0) {
        freeAt = from + everyMs
        return
      }
      await clock.sleep(wait)
    }
  }
  const inTurn =
    <Given extends readonly unknown[], Answer>(call: (...given: Given) => Promise<Answer>, most = atOnceMs) =>
    async (...given: Given): Promise<Answer> => {
      await turn(most)
      return call(...given)
    }
  return {
    certificate: inTurn(calls.certificate),
    submitCsr: inTurn(calls.submitCsr),
    renewLease: inTurn(calls.renewLease),
    reportStatus: inTurn(calls.reportStatus, reportsAtOnceMs),
    reportVerification: inTurn(calls.reportVerification, reportsAtOnceMs),
    reportRenewed: inTurn(calls.reportRenewed, reportsAtOnceMs),
  }
}

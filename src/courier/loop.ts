import { asWaxsealError, type WaxsealError } from '../error/waxseal-error.ts'
import { type Clock, pause } from '../host/clock.ts'
import { longestTurnMs, type Progress, slackMs } from './progress.ts'

/** One thing done over and over, never twice at once. */
export interface Loop {
  readonly name: string
  readonly progress: Progress
  /** One turn. Returns the wait until the next in milliseconds. */
  readonly turn: () => Promise<number>
  /** The wait after a turn that threw, `failures` in a row so far. */
  readonly waitAfterFailure: (error: WaxsealError, failures: number) => number
  /** Before the first turn, in milliseconds; default 0. */
  readonly firstWait?: number
  /** What cuts the wait short that begins now; undefined: nothing. */
  readonly early?: () => AbortSignal | undefined
  readonly clock: Clock
  /** Ends the loop between turns, and cuts a wait short. */
  readonly signal: AbortSignal
}

/** Runs until the signal aborts. A turn that has begun is waited for; an error never ends the loop. */
export async function runLoop(loop: Loop): Promise<void> {
  const { name, progress, turn, waitAfterFailure, clock, signal, firstWait = 0, early } = loop
  let failures = 0
  progress.expect(name, firstWait + slackMs)
  if (firstWait > 0) await pause(clock, firstWait, signal)
  while (!signal.aborted) {
    let wait: number
    progress.expect(name, longestTurnMs)
    try {
      wait = await turn()
      failures = 0
    } catch (error) {
      failures += 1
      wait = waitAfterFailure(asWaxsealError(error), failures)
    }
    progress.expect(name, wait + slackMs)
    const cut = early?.()
    if (!signal.aborted) await pause(clock, wait, cut === undefined ? signal : AbortSignal.any([signal, cut]))
  }
  progress.end(name)
}

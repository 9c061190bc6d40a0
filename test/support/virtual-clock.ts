import type { Clock } from '../../src/host/clock.ts'

/** A clock on which many sleep, and whose time goes from one that wakes to the next. */
export interface VirtualClock extends Clock {
  /** Passes so much time; all that is to be done on the way is done. */
  pass(ms: number): Promise<void>
  /** Is set so much forward, or back: whoever sleeps sleeps on as long as before. */
  shift(ms: number): void
}

interface Sleeper {
  at: number
  readonly wake: () => void
}

/** Begins at 0. */
export function virtualClock(random: () => number): VirtualClock {
  let now = 0
  const sleepers = new Set<Sleeper>()
  return {
    now: () => now,
    random,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason)
          return
        }
        const abort = (): void => {
          sleepers.delete(sleeper)
          reject(signal?.reason)
        }
        const sleeper: Sleeper = {
          at: now + ms,
          wake: () => {
            sleepers.delete(sleeper)
            signal?.removeEventListener('abort', abort)
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', abort, { once: true })
      }),
    shift: (ms) => {
      now += ms
      for (const sleeper of sleepers) sleeper.at += ms
    },
    pass: async (ms) => {
      const until = now + ms
      for (;;) {
        await settled()
        let next = until
        for (const { at } of sleepers) next = Math.min(next, at)
        now = next
        const due = [...sleepers].filter(({ at }) => at <= now)
        if (due.length === 0) return
        for (const { wake } of due) wake()
      }
    },
  }
}

/** What was begun has come as far as it does without time: some of it waits for the next turn of the loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

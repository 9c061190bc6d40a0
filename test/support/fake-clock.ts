import type { Clock } from '../../src/host/clock.ts'

/** A clock whose time passes only when it is told to, or when someone sleeps on it. */
export interface FakeClock extends Clock {
  advance(ms: number): void
  /** What was slept, in milliseconds, in order. */
  readonly sleeps: readonly number[]
}

/** Begins at the start of 2026-11; its random numbers are all `random`. */
export function fakeClock(random = 1): FakeClock {
  let now = Date.parse('2026-11-01T00:00:00Z')
  const sleeps: number[] = []
  return {
    sleeps,
    now: () => now,
    random: () => random,
    advance: (ms) => {
      now += ms
    },
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      sleeps.push(ms)
      now += ms
    },
  }
}

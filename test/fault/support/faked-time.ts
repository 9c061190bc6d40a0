import type { Clock } from '../../../src/host/clock.ts'

/** A clock whose time jumps from one sleeper's end to the next, while it is let flow and every loop of the agent sleeps. */
export interface FakedTime extends Clock {
  /** Lets time flow until the condition holds, which is asked before each jump. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>
  /** Lets this much time pass, in milliseconds. */
  pass(ms: number): Promise<void>
  /** Time jumps when at least so many sleep. */
  expect(sleepers: number): void
}

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** Begins now, because certificates are dated with the real time. Its random numbers are all 1: the longest waits. */
export function fakedTime(): FakedTime {
  let now = Date.now()
  let expected = 0
  let sleepers: readonly Sleeper[] = []
  let onAsleep = (): void => {}
  const allAsleep = async (): Promise<void> => {
    while (sleepers.length < expected)
      await new Promise<void>((resolve) => {
        onAsleep = resolve
      })
  }
  const jump = async (latest: number): Promise<void> => {
    await allAsleep()
    const first = sleepers.toSorted((one, other) => one.at - other.at)[0]
    now = Math.max(now, Math.min(first?.at ?? latest, latest))
    for (const sleeper of sleepers) if (sleeper.at <= now) sleeper.wake()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const until = async (condition: () => boolean | Promise<boolean>, latest = Infinity): Promise<void> => {
    while (!(await condition())) await jump(latest)
    await allAsleep()
  }
  return {
    until,
    now: () => now,
    random: () => 1,
    expect: (count) => {
      expected = count
      onAsleep()
    },
    pass: async (ms) => {
      const end = now + ms
      await until(() => now >= end, end)
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error)
        const leave = (): void => {
          sleepers = sleepers.filter((one) => one !== sleeper)
          signal?.removeEventListener('abort', fail)
        }
        const sleeper = { at: now + ms, wake: () => resolve(leave()) }
        const fail = (): void => reject((leave(), signal?.reason) as Error)
        sleepers = [...sleepers, sleeper]
        signal?.addEventListener('abort', fail)
        if (sleepers.length >= expected) onAsleep()
      }),
  }
}

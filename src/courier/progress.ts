/** Whether the loops go on. A server that cannot be reached is progress: the loop asked, heard so, and waits. */
export interface Progress {
  /** `loop` will be heard of again within this many milliseconds. */
  expect(loop: string, withinMs: number): void
  /** Nothing more is expected of `loop`: it has ended. */
  end(loop: string): void
  /** The loops that were not heard of in time. */
  overdue(): readonly string[]
}

/** `monotonicMs` is a clock that nobody sets. */
export function openProgress(monotonicMs: () => number = () => performance.now()): Progress {
  const due = new Map<string, number>()
  return {
    expect: (loop, withinMs) => void due.set(loop, monotonicMs() + withinMs),
    end: (loop) => void due.delete(loop),
    overdue: () => [...due].filter(([, at]) => at < monotonicMs()).map(([loop]) => loop),
  }
}

/**
 * The longest that one turn may take without a sign, in milliseconds: a turn waits up to ten minutes for another process
 * that changes files, and one step of a deployment has limits far below the rest.
 */
export const longestTurnMs = 15 * 60_000

/** What a wait may take beyond its end, in milliseconds. */
export const slackMs = 60_000

/** So many in each stretch of time. */
export interface Rate {
  readonly most: number
  readonly perMs: number
}

/**
 * When what is to begin at these times (milliseconds since 1970, ascending) begins where only so many may in each stretch of time: those that
 * are above that wait until there is room, in their order. Without a rate they stay.
 */
export function withinRate(times: readonly number[], rate: Rate | null): readonly number[] {
  if (rate === null) return times
  const begun: number[] = []
  for (const at of times) {
    const before = begun.at(-rate.most)
    begun.push(before === undefined ? at : Math.max(at, before + rate.perMs))
  }
  return begun
}

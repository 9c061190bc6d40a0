const hourMs = 3_600_000

/** A stretch of time. */
export type Span = readonly [from: number, to: number]

/** Whether one of them has this time in it. */
export function isIn(spans: readonly Span[], at: number): boolean {
  return spans.some(([from, to]) => at >= from && at < to)
}

/**
 * Outages between two times, each at most so long, with breaks of at least a day and a half. Every second one is as long as it may be.
 * None overlaps `quiet`.
 */
export function outagesBetween(
  [start, end]: Span,
  longestMs: number,
  random: () => number,
  quiet: readonly Span[] = [],
): readonly Span[] {
  const outages: Span[] = []
  for (let from = start + 36 * hourMs * (1 + 4 * random()); from < end; ) {
    const to = from + longestMs * (outages.length % 2 === 0 ? 1 : random())
    if (!quiet.some(([begin, over]) => from < over && to > begin)) outages.push([from, to])
    from = to + 36 * hourMs * (1 + 4 * random())
  }
  return outages
}

/**
 * Those of them that, together with what `others` have, make no stretch that is longer: two outages that are less than half a day apart
 * are one.
 */
export function withoutLonger(own: readonly Span[], others: readonly Span[], longestMs: number): readonly Span[] {
  const kept: Span[] = []
  for (const one of own) if (longestStretch([...others, ...kept, one], one) <= longestMs) kept.push(one)
  return kept
}

/** Of the stretch that has this one in it. */
function longestStretch(spans: readonly Span[], [from, to]: Span): number {
  let [begin, over] = [from, to]
  for (let isLonger = true; isLonger; ) {
    isLonger = false
    for (const [one, other] of spans)
      if (one < over + 12 * hourMs && other > begin - 12 * hourMs && (one < begin || other > over)) {
        begin = Math.min(begin, one)
        over = Math.max(over, other)
        isLonger = true
      }
  }
  return over - begin
}

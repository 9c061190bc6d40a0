const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** Between two messages, and in an hour: what comes in between is gathered in the next one. */
const [shortestGapMs, mostInHour] = [minuteMs, 12]
/** A message that cannot be sent is given up after so long: what is still so is told again each day. */
const longestTryMs = 48 * hourMs
/** Messages that wait for one channel; the oldest is given up. */
export const mostWaiting = 20

/** Whether another message may be made now, where these were made at these times. */
export function mayMake(madeAt: readonly number[], now: number): boolean {
  // The clock may have been ahead.
  const inHour = madeAt.filter((at) => at <= now && now - at < hourMs)
  return inHour.every((at) => now - at >= shortestGapMs) && inHour.length < mostInHour
}

/** How long to wait after so many tries, in milliseconds; null: it is given up. */
export function nextTry(attempts: number, ageMs: number): number | null {
  if (ageMs >= longestTryMs) return null
  return Math.min(minuteMs * 2 ** Math.min(attempts - 1, 10), hourMs)
}

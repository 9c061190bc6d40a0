import { WaxsealError } from '../error/waxseal-error.ts'
import { type LimitName, limits } from './limits.ts'

/** LIMIT_EXCEEDED, with the limit, where one more of `count` would be beyond it. */
export function requireRoomFor(limit: LimitName, count: number): void {
  const { most, what } = limits[limit]
  if (count >= most) throw new WaxsealError('LIMIT_EXCEEDED', { limit, most, what })
}

/** The same for what counts for so long: the times of all that count (milliseconds since 1970). The error says when there is room. */
export function requireRoomWithin(limit: LimitName, times: readonly number[], periodMs: number): void {
  const { most, what } = limits[limit]
  const last = times.toSorted((one, other) => other - one)[most - 1]
  if (last === undefined) return
  throw new WaxsealError('LIMIT_EXCEEDED', { limit, most, what, until: new Date(last + periodMs).toISOString() })
}

import { WaxsealError } from '../error/waxseal-error.ts'
import { type LimitName, limits } from './limits.ts'

/** LIMIT_EXCEEDED, with the limit, where one more of `count` would be beyond it. */
export function requireRoomFor(limit: LimitName, count: number): void {
  const { most, what } = limits[limit]
  if (count >= most) throw new WaxsealError('LIMIT_EXCEEDED', { limit, most, what })
}

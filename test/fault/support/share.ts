/**
 * `.ci/run` has a time to keep, and sets WAXSEAL_SHARE: by `2/6` a campaign takes the second of every six of its points. Which one it is
 * follows from the commit: in time all of them are taken.
 */
const [which = 1, of = 1] = (process.env['WAXSEAL_SHARE'] ?? '1/1').split('/').map(Number)

/** One at least, where there are any. */
export function shareOf<Point>(points: readonly Point[]): readonly Point[] {
  const first = (which - 1) % Math.min(of, Math.max(1, points.length))
  return points.filter((_, index) => index % of === first)
}

/** The n-th of ours among all points, counted from 1. */
export function ownPoint(n: number): number {
  return (n - 1) * of + which
}

/** Calls after which to kill or to cut, spread over all of them: the share of so many points. `shift`: from 0 to 1, between two points. */
export function sharedCalls(calls: number, points: number, shift: number): readonly number[] {
  const wanted = Array.from({ length: points }, (_, index) =>
    Math.max(1, Math.floor(((index + shift) / points) * calls)),
  )
  return shareOf(wanted)
}

/** How many of so many points that are. */
export function shareOfCount(points: number): number {
  return shareOf(Array.from({ length: points })).length
}

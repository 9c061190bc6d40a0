/** `.ci/run` has a time to keep, and sets WAXSEAL_SHARE=3: of what a campaign does at each of its points, it does every third one. */
const share = Number(process.env['WAXSEAL_SHARE'] ?? 1)

export function shareOf<Point>(points: readonly Point[]): readonly Point[] {
  return points.filter((_, index) => index % share === 0)
}

/** The same of a number of points. */
export function shareOfCount(points: number): number {
  return Math.ceil(points / share)
}

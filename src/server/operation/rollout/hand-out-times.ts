import { type Span, type Window, windowAt } from '../../rollout/window.ts'
import type { RolloutRow } from '../../store/rollout-rows.ts'
import type { JobRow } from '../../store/rows.ts'

/** When a job is handed out; null: at any time. */
export type HandOutTimes = Pick<JobRow, 'notBefore' | 'handOutUntil'>

/** At any time. */
export const anyTime: HandOutTimes = { notBefore: null, handOutUntil: null }

const dayMs = 86_400_000

/** The window of a roll-out; null: it has none. */
export function windowOf({
  windowCron,
  windowMs,
  timeZone,
}: Pick<RolloutRow, 'windowCron' | 'windowMs' | 'timeZone'>): Window | null {
  if (windowCron === null || windowMs === null || timeZone === null) return null
  return { cron: windowCron, forMs: windowMs, timeZone }
}

/** When a job of a roll-out that begins now is handed out: in the window that is open, else in the next one. */
export function handOutTimes(
  rollout: Pick<RolloutRow, 'windowCron' | 'windowMs' | 'timeZone'>,
  at: number,
): HandOutTimes {
  const window = windowOf(rollout)
  if (window === null) return anyTime
  // It opened once; where that is not for a long time again, it is looked at every day.
  const { from, until }: Span = windowAt(window, at) ?? { from: at + dayMs, until: at + dayMs }
  return { notBefore: from <= at ? null : from, handOutUntil: until }
}

import type { ShownHost } from '../documents/shown-host.ts'
import type { HistoryLine } from '../journal/history.ts'
import type { Metrics } from './metrics.ts'

/** Counts each deployment that ended since the first look, once; to be called whenever the deployer shows something. */
export function countEnded(metrics: Pick<Metrics, 'count'>): (shown: ShownHost | null) => void {
  let known: ReadonlySet<string> | null = null
  return (shown) => {
    if (shown === null) return
    const before = known
    known = new Set(shown.recent.map(keyOf))
    if (before !== null) for (const line of shown.recent) if (!before.has(keyOf(line))) metrics.count(line)
  }
}

function keyOf({ time, target, outcome, ms }: HistoryLine): string {
  return `${time} ${target} ${outcome} ${ms}`
}

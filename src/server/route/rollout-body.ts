import type { WantedRollout } from '../operation/rollout/start-rollout.ts'
import { labelOf } from './label-query.ts'

/** A roll-out as an operator sends it. Agents and targets by id or name. */
export interface RolloutBody {
  readonly name: string
  readonly action: 'deploy' | 'renew'
  /** `name=value`, all of which an agent must have. */
  readonly labels?: readonly string[]
  readonly agents?: readonly string[]
  readonly targets?: readonly string[]
  /** All targets, where nothing is chosen. */
  readonly all?: boolean
  /** Agents of the first wave. */
  readonly first?: readonly string[]
  /** Per cent of all hosts at the end of each wave after that. */
  readonly waves?: readonly number[]
  /** So many hosts that failed stop it; where neither this nor `stop_share` is there: one. */
  readonly stop_after?: number
  /** So many per cent of the hosts of a wave. */
  readonly stop_share?: number
  readonly window?: { readonly start: string; readonly for_s: number; readonly time_zone?: string }
  /** A host of which nothing is known so long after its job could be taken has failed; left out: an hour. */
  readonly deadline_s?: number
}

const defaultWaves = [5, 25, 100] as const
const defaultDeadlineS = 3600

/** What is asked for, with the defaults. */
export function rolloutIn(body: RolloutBody): WantedRollout {
  const { name, action, labels = [], agents = [], targets = [], all = false, first = [], waves = defaultWaves } = body
  const { stop_after: stopHosts = null, stop_share: stopShare = null, window, deadline_s = defaultDeadlineS } = body
  return {
    name,
    action,
    labels: labels.map(labelOf),
    agents,
    targets,
    isAll: all,
    first,
    shares: waves,
    stopHosts: stopHosts === null && stopShare === null ? 1 : stopHosts,
    stopShare,
    window:
      window === undefined
        ? null
        : { cron: window.start, forMs: window.for_s * 1000, timeZone: window.time_zone ?? 'UTC' },
    deadlineMs: deadline_s * 1000,
  }
}

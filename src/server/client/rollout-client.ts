import type { RolloutBody } from '../route/rollout-body.ts'
import type { rolloutOnWire, rolloutTargetOnWire } from '../route/rollout-on-wire.ts'
import type { Call, Part, Query } from './people-client.ts'

/** A roll-out as the control plane tells it. */
export type ToldRollout = ReturnType<typeof rolloutOnWire>
/** One of its targets. */
export type ToldRolloutTarget = ReturnType<typeof rolloutTargetOnWire>

/** What has begun. */
export interface ToldStart {
  readonly id: string
  readonly name: string
  /** Hosts of each wave. */
  readonly waves: readonly number[]
  readonly targets: number
  /** Targets to which nothing was ever deployed, a hundred at most. */
  readonly left_out: readonly string[]
}

/** What it is now. */
export interface ToldState {
  readonly id: string
  readonly name: string
  readonly state: string
}

/** The operator's calls about roll-outs; one by id or name. */
export interface RolloutCalls {
  startRollout(wanted: RolloutBody): Promise<ToldStart>
  rollouts(query?: Query): Promise<Part<ToldRollout>>
  rollout(name: string): Promise<ToldRollout>
  rolloutTargets(name: string, query?: Query): Promise<Part<ToldRolloutTarget>>
  resumeRollout(name: string, isRetry?: boolean): Promise<ToldState>
  abandonRollout(name: string): Promise<ToldState>
  takeBackRollout(name: string): Promise<ToldState>
}

/** These calls over the client's own. */
export function rolloutCalls(call: Call, queryOf: (query: Query) => string): RolloutCalls {
  const path = (name: string): string => `/rollouts/${encodeURIComponent(name)}`
  return {
    startRollout: (wanted) => call('POST', '/rollouts', wanted),
    rollouts: async (query = {}) => {
      const { rollouts: rows, next } = await call<{ rollouts: readonly ToldRollout[]; next: string | null }>(
        'GET',
        `/rollouts${queryOf(query)}`,
      )
      return { rows, next }
    },
    rollout: (name) => call('GET', path(name)),
    rolloutTargets: async (name, query = {}) => {
      const { targets: rows, next } = await call<{ targets: readonly ToldRolloutTarget[]; next: string | null }>(
        'GET',
        `${path(name)}/targets${queryOf(query)}`,
      )
      return { rows, next }
    },
    resumeRollout: (name, isRetry = false) => call('POST', `${path(name)}/resume`, { retry: isRetry }),
    abandonRollout: (name) => call('POST', `${path(name)}/abandon`),
    takeBackRollout: (name) => call('POST', `${path(name)}/take-back`),
  }
}

import type { PlannedReason } from '../operation/renewal/plan-renewals.ts'
import type { Call } from './people-client.ts'

/** A renewal that is to come, as the control plane tells it. Times are RFC 3339, UTC. */
export interface ToldRenewal {
  /** Null: nobody renews it. */
  readonly at: string | null
  readonly why: PlannedReason
  readonly certificate_id: string
  readonly common_name: string
  readonly agent_name: string
  readonly issuers: readonly string[]
  readonly issuer_now: string | null
  readonly not_after: string | null
  readonly is_late: boolean
  readonly in_the_way: string | null
}

/** All that are to come until some day. */
export interface ToldPlan {
  readonly at: string
  readonly until: string
  readonly renewals: readonly ToldRenewal[]
  readonly is_cut: boolean
}

/** The operator's calls about renewals. */
export interface RenewalCalls {
  /** Changes nothing. */
  plannedRenewals(days: number): Promise<ToldPlan>
}

/** These calls over the client's own. */
export function renewalCalls(call: Call): RenewalCalls {
  return { plannedRenewals: (days) => call('GET', `/renewals?days=${days}`) }
}

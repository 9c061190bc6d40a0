import type { Inspection } from '../deployer/inspect.ts'
import type { Recovered } from '../deployer/recover.ts'
import type { WaxsealError } from '../error/waxseal-error.ts'

/**
 * The life of the agent: recovering → running → draining → stopped. Draining begins with SIGTERM, or when the control
 * plane retires the agent; deployments under way are waited for, then the outbox is flushed once.
 */
export type AgentPhase = 'recovering' | 'running' | 'draining' | 'stopped'

/** What `/status` shows. Written by the loops, read by the status endpoint. */
export interface AgentState {
  phase: AgentPhase
  retired: boolean
  /** RFC 3339, UTC; null: never. */
  lastPoll: string | null
  lastHeartbeat: string | null
  /** The failure that the last poll ended with; null after a good one. */
  controlPlaneError: string | null
  /** The jobs being run. */
  currentJobs: readonly string[]
  recovered: readonly Recovered[]
  /** What the last drift watch saw, one per target; null: it has not looked yet. */
  drift: readonly Inspection[] | null
}

/** The state at start. */
export function initialState(): AgentState {
  return {
    phase: 'recovering',
    retired: false,
    lastPoll: null,
    lastHeartbeat: null,
    controlPlaneError: null,
    currentJobs: [],
    recovered: [],
    drift: null,
  }
}

/** One line about an error for `/status`, with what to do about it. */
export function statusLine({ code, message, details }: WaxsealError): string {
  const { hint } = details
  return `${code}: ${message}${typeof hint === 'string' ? ` ${hint}` : ''} waxseal explain ${code} says what to do.`
}

import type { WaxsealError } from '../error/waxseal-error.ts'

/**
 * The life of the courier: running → draining → stopped. Draining begins with SIGTERM, or when the control plane retires the
 * agent; a deployment that is under way is followed to its end, then what it came to is sent once.
 */
export type CourierPhase = 'running' | 'draining' | 'stopped'

/** What `/status` shows of the courier. Written by the loops, read by the status endpoint. */
export interface CourierState {
  phase: CourierPhase
  retired: boolean
  /** RFC 3339, UTC; null: never. */
  lastPoll: string | null
  lastHeartbeat: string | null
  /** The failure that the last poll ended with; null after a good one. */
  controlPlaneError: string | null
  /** Why the deployer could not be asked the last time; null: it answered, or was not needed. */
  deployerError: string | null
}

/** The state at start. */
export function initialState(): CourierState {
  return {
    phase: 'running',
    retired: false,
    lastPoll: null,
    lastHeartbeat: null,
    controlPlaneError: null,
    deployerError: null,
  }
}

/** One line about an error for `/status`, with what to do about it. */
export function statusLine({ code, message, details }: WaxsealError): string {
  const { hint } = details
  return `${code}: ${message}${typeof hint === 'string' ? ` ${hint}` : ''} waxseal explain ${code} says what to do.`
}

import type { Clock } from '../host/clock.ts'
import type { Sighting } from '../outcome/sighting.ts'
import type { Probe, RetrySchedule } from '../plan/plan.ts'
import type { Look } from './probe-once.ts'
import type { SharedLooks } from './shared-looks.ts'

/** A probe, and what it may see. */
export interface Expectation {
  readonly probe: Probe
  /** SHA-256 of the leaves. */
  readonly leaves: readonly string[]
  /** SHA-256 of the chain that belongs to the leaf, roots left out; null: none is known; left out: it is not compared. */
  readonly chain?: readonly string[] | null
  /** What it showed before anything was touched; left out: not known, so that it decides whatever it shows. */
  readonly before?: Sighting
}

export interface VerifyOptions {
  readonly expectations: readonly Expectation[]
  readonly retry: RetrySchedule
  readonly clock: Clock
  /** How many looks in a row have to agree where one socket listens; default 3. */
  readonly agreeingLooks?: number
  /** One look; `probeOnce` unless a test says otherwise. */
  readonly look?: (probe: Probe) => Promise<Look>
  /** What it shares with others that look at the same time; left out: it is alone. */
  readonly shared?: SharedLooks
  /** Ends it between two tries. */
  readonly signal?: AbortSignal
}

/** What the probes of one verification share. */
export interface Verification {
  readonly options: VerifyOptions
  readonly look: (probe: Probe) => Promise<Look>
  readonly shared: SharedLooks
  /** Aborted once the probes that decide are done: the others need not use up the schedule. */
  readonly decided: AbortSignal
}

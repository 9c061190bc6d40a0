import type { Clock } from '../host/clock.ts'
import type { ProbeOutcome } from '../outcome/outcome.ts'
import type { Sighting } from '../outcome/sighting.ts'
import type { Probe, RetrySchedule } from '../plan/plan.ts'
import { type Look, probeOnce } from './probe-once.ts'
import { addressOf, SharedLooks } from './shared-looks.ts'
import { verifyOne } from './verify-one.ts'

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

/**
 * Looks with every probe at the same time, each until several looks in a row see what they should, or its schedule is used
 * up. One that failed before anything was touched does not hold up the others. Never throws.
 */
export async function verifyProbes(options: VerifyOptions): Promise<readonly ProbeOutcome[]> {
  const { expectations, look = (probe: Probe) => probeOnce(probe), shared = new SharedLooks() } = options
  const decided = new AbortController()
  const verification = { options, look, shared, decided: decided.signal }
  const outcomes = expectations.map(async (expectation) => {
    const { probe, leaves } = expectation
    const { protocol, servername, keyType } = probe
    const about = { address: addressOf(probe), protocol, servername, keyType, expected: leaves[0] ?? null }
    return { ...about, ...(await verifyOne(expectation, verification)) }
  })
  const deciding = outcomes.filter((_, index) => expectations[index]?.before?.failure == null)
  if (deciding.length > 0) void Promise.allSettled(deciding).then(() => decided.abort())
  return Promise.all(outcomes)
}

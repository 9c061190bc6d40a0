import type { ProbeOutcome } from '../outcome/outcome.ts'
import type { Probe } from '../plan/plan.ts'
import { probeOnce } from './probe-once.ts'
import { addressOf, SharedLooks } from './shared-looks.ts'
import type { VerifyOptions } from './verification.ts'
import { verifyOne } from './verify-one.ts'

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

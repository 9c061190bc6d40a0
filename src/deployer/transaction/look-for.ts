import type { JournalledDeployment } from '../../journal/journal.ts'
import { limits } from '../../limit/limits.ts'
import type { ProbeOutcome } from '../../outcome/outcome.ts'
import type { Probe } from '../../plan/plan.ts'
import type { SharedLooks } from '../../verify/shared-looks.ts'
import { verifyProbes } from '../../verify/verify-probes.ts'
import type { Engine } from '../engine.ts'

/** Looks for the new leaf, and its chain, on every port of one target. */
export function lookForNew(
  deployment: JournalledDeployment,
  { clock }: Engine,
  shared: SharedLooks,
  signal?: AbortSignal,
): Promise<readonly ProbeOutcome[]> {
  const { newLeaf, newChain, before = [], retry, agreeingLooks } = deployment
  const probes = deployment.probes.map(bounded)
  const expectations = probes.map((probe, index) => ({
    probe,
    leaves: [newLeaf],
    ...(newChain === undefined ? {} : { chain: newChain }),
    ...(before[index] === undefined ? {} : { before: before[index] }),
  }))
  return verifyProbes({
    expectations,
    retry,
    clock,
    shared,
    ...until(signal),
    ...(agreeingLooks === undefined ? {} : { agreeingLooks }),
  })
}

function until(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** A journal of the version before may ask for hours. */
function bounded(probe: Probe): Probe {
  return { ...probe, timeoutMs: Math.min(probe.timeoutMs, limits.probeTimeout.most) }
}

/** A target with few tries of its own must not have a rollback called failed that is only not loaded yet. */
const leastTries = 8

/** Looks for an old leaf on every port that served one. */
export function lookForOld(
  deployment: JournalledDeployment,
  { clock }: Engine,
  shared: SharedLooks,
  signal?: AbortSignal,
): Promise<readonly ProbeOutcome[]> {
  const { oldLeaves, retry, agreeingLooks } = deployment
  const expectations = deployment.probes.map(bounded).flatMap((probe, index) => {
    const leaves = oldLeaves[index] ?? []
    return leaves.length === 0 ? [] : [{ probe, leaves }]
  })
  return verifyProbes({
    expectations,
    retry: { ...retry, attempts: Math.max(retry.attempts, leastTries) },
    clock,
    shared,
    ...until(signal),
    ...(agreeingLooks === undefined ? {} : { agreeingLooks }),
  })
}

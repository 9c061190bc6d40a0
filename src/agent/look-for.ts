import type { JournalledDeployment } from '../journal/journal.ts'
import type { ProbeOutcome } from '../outcome/outcome.ts'
import { verifyProbes } from '../verify/verify-probes.ts'
import type { Engine } from './engine.ts'

/** Looks for the new leaf on every port of one target. */
export function lookForNew(deployment: JournalledDeployment, { clock }: Engine): Promise<readonly ProbeOutcome[]> {
  const { probes, newLeaf, retry } = deployment
  return verifyProbes({ expectations: probes.map((probe) => ({ probe, leaves: [newLeaf] })), retry, clock })
}

/** Looks for an old leaf on every port that served one. */
export function lookForOld(deployment: JournalledDeployment, { clock }: Engine): Promise<readonly ProbeOutcome[]> {
  const { probes, oldLeaves, retry } = deployment
  const expectations = probes.flatMap((probe, index) => {
    const leaves = oldLeaves[index] ?? []
    return leaves.length === 0 ? [] : [{ probe, leaves }]
  })
  return verifyProbes({ expectations, retry, clock })
}

import type { JournalEntry } from '../../journal/journal.ts'
import type { ProbeOutcome } from '../../outcome/outcome.ts'
import type { SharedLooks } from '../../verify/shared-looks.ts'
import type { Engine } from '../engine.ts'
import { lookForNew } from './look-for.ts'

/** Whether the other names of the tables that were compiled anew are served as they were. */
export async function lookForOthers(
  { others = [], deployments }: JournalEntry,
  engine: Engine,
  shared: SharedLooks,
  signal?: AbortSignal,
): Promise<readonly ProbeOutcome[]> {
  const [first] = deployments
  if (first === undefined) return []
  const { newChain: _, before: __, ...rest } = first
  const looks = others.map(({ probe, leaf }) =>
    lookForNew({ ...rest, probes: [probe], newLeaf: leaf }, engine, shared, signal),
  )
  return (await Promise.all(looks)).flat()
}

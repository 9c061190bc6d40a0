import type { JournalEntry } from '../journal/journal.ts'
import type { ProbeOutcome } from '../outcome/outcome.ts'
import type { Engine } from './engine.ts'
import { lookForNew } from './look-for.ts'

/** Whether the other names of the tables that were compiled anew are served as they were. */
export async function lookForOthers(
  { others = [], deployments }: JournalEntry,
  engine: Engine,
): Promise<readonly ProbeOutcome[]> {
  const [first] = deployments
  if (first === undefined) return []
  const { newChain: _, before: __, ...rest } = first
  const looks = others.map(({ probe, leaf }) => lookForNew({ ...rest, probes: [probe], newLeaf: leaf }, engine))
  return (await Promise.all(looks)).flat()
}

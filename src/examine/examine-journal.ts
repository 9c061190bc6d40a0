import type { Engine } from '../deployer/engine.ts'
import type { TargetNames } from '../journal/target-names.ts'
import type { Finding } from './finding.ts'

/** Whether every deployment has come to its end, or somebody works on it at this moment. */
export async function examineJournal(
  { journal, records, turns }: Pick<Engine, 'journal' | 'records' | 'turns'>,
  names: TargetNames,
): Promise<Finding> {
  const what = 'journal'
  const aside = [...journal.setAside, ...records.setAside]
  if (aside.length > 0)
    return {
      what,
      verdict: 'failed',
      detail: `${aside.join(', ')} is not to be trusted and was set aside: look at it, remove it`,
    }
  if ((await unfinished(journal, names)).length === 0)
    return { what, verdict: 'ok', detail: 'no deployment is under way' }
  if (!turns.areFree()) return { what, verdict: 'warning', detail: 'a deployment is under way at this moment' }
  // It may have come to its end between the two looks.
  const left = await unfinished(journal, names)
  if (left.length === 0) return { what, verdict: 'ok', detail: 'no deployment is under way' }
  const detail = `unfinished, and nobody is working on it: ${left.join(', ')}; waxseal recover`
  return { what, verdict: 'failed', detail }
}

async function unfinished(journal: Engine['journal'], names: TargetNames): Promise<readonly string[]> {
  return (await journal.list()).flatMap(({ document }) =>
    document.deployments.map(({ target }) => names.labelOf(target)),
  )
}

import { type Journal, type JournalEntry, type JournalledDeployment, journalId } from './journal.ts'

/**
 * Writes down a new transaction, which takes over the targets and files of earlier ones that could not be proven undone:
 * those are undone for the rest only, or a later recovery would take away what is live by then.
 */
export async function takeOver(journal: Journal, entry: JournalEntry): Promise<void> {
  const id = journalId(entry)
  for (const earlier of await journal.list()) {
    const rest = earlier.document.deployments.filter((one) => !isTakenOver(one, entry))
    const kept = { ...earlier.document, deployments: rest }
    if (rest.length === earlier.document.deployments.length) continue
    if (rest.length > 0) await journal.put(journalId(kept), kept)
    if (earlier.id !== id && earlier.id !== journalId(kept)) await journal.remove(earlier.id)
  }
  await journal.put(id, entry)
}

function isTakenOver(earlier: JournalledDeployment, { deployments }: JournalEntry): boolean {
  const paths = deployments.flatMap(pathsOf)
  return (
    deployments.some(({ target }) => target === earlier.target) || pathsOf(earlier).some((path) => paths.includes(path))
  )
}

function pathsOf({ files, link }: JournalledDeployment): readonly string[] {
  return link === null ? files.map(({ destination }) => destination) : [link.link]
}

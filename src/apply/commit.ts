import { WaxsealError } from '../error/waxseal-error.ts'
import { keepFile, moveFile, removeFile, syncFoldersOf } from '../host/files.ts'
import type { FileChange } from '../plan/file-change.ts'

/**
 * Moves the staged files in. The old ones are kept first, so that the renames follow one another with nothing in between.
 * COMMIT_FAILED leaves some files new and some old: the caller rolls back.
 */
export async function commitFiles(changes: readonly FileChange[]): Promise<void> {
  try {
    for (const change of changes) if (change.before !== null) await keepFile(change.destination, change.kept)
    await syncFoldersOf(changes.map((change) => change.destination))
    for (const change of changes) await moveFile(change.staged, change.destination)
    await syncFoldersOf(changes.map((change) => change.destination))
  } catch (cause) {
    throw new WaxsealError('COMMIT_FAILED', { reason: (cause as Error).message }, { cause })
  }
}

/** Drops the old files after the new ones were proven: no key stays in a second place. */
export async function dropKeptFiles(changes: readonly FileChange[]): Promise<void> {
  for (const change of changes) await removeFile(change.kept)
  await syncFoldersOf(changes.map((change) => change.destination))
}

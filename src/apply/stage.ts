import { WaxsealError } from '../error/waxseal-error.ts'
import { readSnapshot, removeFile, writeNewFile } from '../host/files.ts'
import type { FileChange } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
import type { PreparedChange } from './prepare-changes.ts'

/** Writes each new file beside its destination. On failure every staged file is gone again: STAGE_FAILED, untouched. */
export async function stageFiles(changes: readonly PreparedChange[]): Promise<void> {
  try {
    for (const change of changes) await writeNewFile(change.staged, { bytes: change.contents, ...change.after })
    for (const change of changes) await refuseIfEdited(change)
  } catch (error) {
    await unstageFiles(changes)
    if (error instanceof WaxsealError) throw error
    throw new WaxsealError('STAGE_FAILED', { reason: (error as Error).message }, { cause: error })
  }
}

async function refuseIfEdited(change: PreparedChange): Promise<void> {
  const live = await readSnapshot(change.destination)
  const digest = live === null ? null : fileDigest(change.role, live.bytes)
  if (digest === (change.before?.digest ?? null)) return
  throw new WaxsealError('STAGE_FAILED', { path: change.path, reason: 'somebody else changed the file meanwhile' })
}

/** Removes what was staged and not committed. */
export async function unstageFiles(changes: readonly FileChange[]): Promise<void> {
  for (const change of changes) await removeFile(change.staged)
}

import { WaxsealError } from '../error/waxseal-error.ts'
import { moveFile, readSnapshot, removeFile, syncFoldersOf } from '../host/files.ts'
import type { FileChange } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'

/**
 * Puts every old file back, the very inode where it was kept by a hard link: contents, mode, owner and attributes.
 * What the deployment created is removed. May be repeated; goes on after a failure and then throws ROLLBACK_FAILED.
 */
export async function restoreFiles(changes: readonly FileChange[]): Promise<void> {
  const failures: string[] = []
  for (const change of changes) {
    try {
      await restoreFile(change)
    } catch (error) {
      failures.push(`${change.path}: ${(error as Error).message}`)
    }
  }
  try {
    await syncFoldersOf(changes.map((change) => change.destination))
  } catch (error) {
    failures.push((error as Error).message)
  }
  if (failures.length > 0) throw new WaxsealError('ROLLBACK_FAILED', { reason: failures })
}

async function restoreFile(change: FileChange): Promise<void> {
  if (change.before === null) await removeCreated(change)
  else await moveBack(change)
  await removeFile(change.staged)
}

/** Two names of one inode: rename does nothing then and leaves both, so the kept name is removed after it. */
async function moveBack(change: FileChange): Promise<void> {
  const kept = await digestAt(change.kept, change)
  if (kept === null) return
  if (kept === change.before?.digest) await moveFile(change.kept, change.destination)
  else if ((await digestAt(change.destination, change)) !== change.before?.digest) {
    throw new Error(`the old file kept at ${change.kept} is not what it was`)
  }
  await removeFile(change.kept)
}

async function removeCreated(change: FileChange): Promise<void> {
  if ((await digestAt(change.destination, change)) !== change.after.digest) return
  await removeFile(change.destination)
}

async function digestAt(path: string, change: FileChange): Promise<string | null> {
  const snapshot = await readSnapshot(path)
  return snapshot === null ? null : fileDigest(change.role, snapshot.bytes)
}

/** Whether a commit of these changes has begun, read from the disk itself. */
export async function hasCommitBegun(changes: readonly FileChange[]): Promise<boolean> {
  for (const change of changes) {
    if ((await digestAt(change.kept, change)) !== null) return true
    if (change.before === null && (await digestAt(change.destination, change)) === change.after.digest) return true
  }
  return false
}

/** Whether every destination holds its new file. */
export async function isCommitted(changes: readonly FileChange[]): Promise<boolean> {
  for (const change of changes) {
    if ((await digestAt(change.destination, change)) !== change.after.digest) return false
    if ((await digestAt(change.staged, change)) !== null) return false
  }
  return true
}

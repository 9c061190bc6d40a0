import { WaxsealError } from '../error/waxseal-error.ts'
import { moveFile, readSnapshot, removeFile, type Snapshot, syncFoldersOf } from '../host/file/files.ts'
import { makeLink, readLink, removeNewFolder } from '../host/file/links.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { FileChange } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
import type { LinkSwitch } from '../plan/link-switch.ts'

/**
 * Puts every old file back, the very inode where it was kept by a hard link: contents, mode, owner and attributes.
 * What the deployment created is removed. May be repeated; goes on after a failure and then throws ROLLBACK_FAILED.
 */
export async function restoreFiles({ files, link }: ChangeSet): Promise<void> {
  const failures: string[] = []
  const attempt = async (path: string, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: Error) => failures.push(`${path}: ${error.message}`))
  }
  if (link !== null) await attempt(link.link, () => restoreLink(link))
  for (const change of files) await attempt(change.path, () => restoreFile(change))
  if (link === null) await attempt('fsync', () => syncFoldersOf(files.map(({ destination }) => destination)))
  else if (failures.length === 0) await attempt(link.folder, () => removeNewFolder(link.folder))
  if (failures.length > 0) throw new WaxsealError('ROLLBACK_FAILED', { reason: failures })
}

/** The link leads to the old generation for good before anything of the new one is removed. */
async function restoreLink({ link, staged, before, after }: LinkSwitch): Promise<void> {
  await removeFile(staged)
  if ((await readLink(link)) === after) {
    if (before === null) await removeFile(link)
    else {
      await makeLink(staged, before)
      await moveFile(staged, link)
    }
  }
  await syncFoldersOf([link])
}

async function restoreFile(change: FileChange): Promise<void> {
  try {
    if (change.before === null) await removeCreated(change)
    else await moveBack(change)
  } finally {
    await removeFile(change.staged)
  }
}

/**
 * Two names of one inode: rename does nothing then and leaves both, so the kept name is removed after it. A file that
 * somebody wrote before the first rename is live under both names, and stays as they want it.
 */
async function moveBack(change: FileChange): Promise<void> {
  const kept = await digestAt(change.kept, change)
  if (kept === null) return
  if (kept === change.before?.digest) await moveUnlessThere(change)
  else if (![kept, change.before?.digest].includes((await digestAt(change.destination, change)) ?? undefined))
    throw new Error(`the old file kept at ${change.kept} is not what it was`)
  await removeFile(change.kept)
}

/** What cannot be moved back, for what is there cannot be replaced, was never replaced: then the very bytes are there. */
async function moveUnlessThere({ kept, destination }: FileChange): Promise<void> {
  try {
    await moveFile(kept, destination)
  } catch (error) {
    const [old, live] = await Promise.all([readSnapshot(kept), readSnapshot(destination)])
    if (old === null || live === null || !isSame(old, live)) throw error
  }
}

function isSame(one: Snapshot, other: Snapshot): boolean {
  const isOwnedAlike = one.mode === other.mode && one.uid === other.uid && one.gid === other.gid
  return isOwnedAlike && Buffer.compare(one.bytes, other.bytes) === 0
}

/** One that somebody has changed since is theirs. */
async function removeCreated(change: FileChange): Promise<void> {
  if ((await digestAt(change.destination, change)) !== change.after.digest) return
  await removeFile(change.destination)
}

async function digestAt(path: string, change: FileChange): Promise<string | null> {
  const snapshot = await readSnapshot(path)
  return snapshot === null ? null : fileDigest(change.role, snapshot.bytes)
}

/** Whether a commit of these changes has begun, read from the disk itself. */
export async function hasCommitBegun({ files, link }: ChangeSet): Promise<boolean> {
  if (link !== null) return (await readLink(link.link)) === link.after
  for (const change of files) {
    if ((await digestAt(change.kept, change)) !== null) return true
    if (change.before === null && (await digestAt(change.destination, change)) === change.after.digest) return true
  }
  return false
}

/** Whether not one of its renames was done: each new file is still under its first name. */
export async function isUncommitted({ files, link }: ChangeSet): Promise<boolean> {
  if (link !== null) return (await readLink(link.link)) !== link.after
  for (const change of files) if ((await digestAt(change.staged, change)) !== change.after.digest) return false
  return true
}

/** Whether every destination holds its new file. */
export async function isCommitted({ files, link }: ChangeSet): Promise<boolean> {
  if (link !== null && (await readLink(link.link)) !== link.after) return false
  for (const change of files) {
    if ((await digestAt(change.destination, change)) !== change.after.digest) return false
    if ((await digestAt(change.staged, change)) !== null) return false
  }
  return true
}

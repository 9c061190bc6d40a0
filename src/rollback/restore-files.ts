import { basename } from 'node:path'
import { type ErrorDetails, WaxsealError } from '../error/waxseal-error.ts'
import type { Snapshot } from '../host/file/files.ts'
import { removeGeneration } from '../host/file/folder/generation-folder.ts'
import { inOpenFolders, type OpenFolders } from '../host/file/folder/open-folders.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { FileChange } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
import { keepersOf } from '../plan/keepers-of.ts'
import type { LinkSwitch } from '../plan/link-switch.ts'

/**
 * Puts every old file back, the very inode where it was kept by a hard link: contents, mode, owner and attributes.
 * What the deployment created is removed. May be repeated; goes on after a failure and then throws ROLLBACK_FAILED, for one in a folder
 * that is somebody else's by now with the line of the policy that would allow it.
 */
export async function restoreFiles(changes: ChangeSet): Promise<void> {
  const { files, link } = changes
  const failures: string[] = []
  let way: ErrorDetails = {}
  const attempt = async (path: string, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: Error) => {
      const details: ErrorDetails = error instanceof WaxsealError ? error.details : {}
      failures.push(`${path}: ${details['reason'] ?? error.message}`)
      if (details['way'] !== undefined) way = { way: details['way'], setting: details['setting'] ?? '' }
    })
  }
  await inOpenFolders(keepersOf([changes]), async (folders) => {
    if (link !== null) await attempt(link.link, () => restoreLink(link, folders))
    for (const change of files) await attempt(change.path, () => restoreFile(change, folders))
    if (link === null) await attempt('fsync', () => folders.sync(files.map(({ destination }) => destination)))
    else if (failures.length === 0) await attempt(link.folder, () => removeNew(link, files, folders))
  })
  if (failures.length > 0) throw new WaxsealError('ROLLBACK_FAILED', { reason: failures, ...way })
}

async function removeNew(link: LinkSwitch, files: ChangeSet['files'], folders: OpenFolders): Promise<void> {
  const directory = await folders.of(link.link)
  const names = files.flatMap(({ staged, destination }) => [basename(staged), basename(destination)])
  if (directory !== null) await removeGeneration(directory, basename(link.folder), names)
}

/** The link leads to the old generation for good before anything of the new one is removed. */
async function restoreLink({ link, staged, before, after }: LinkSwitch, folders: OpenFolders): Promise<void> {
  await folders.remove(staged)
  if ((await folders.readLink(link)) === after) {
    if (before === null) await folders.remove(link)
    else {
      await folders.makeLink(staged, before)
      await folders.move(staged, link)
    }
  }
  await folders.sync([link])
}

async function restoreFile(change: FileChange, folders: OpenFolders): Promise<void> {
  try {
    if (change.before === null) await removeCreated(change, folders)
    else await moveBack(change, folders)
  } finally {
    await folders.remove(change.staged)
  }
}

/**
 * Two names of one inode: rename does nothing then and leaves both, so the kept name is removed after it. A file that
 * somebody wrote before the first rename is live under both names, and stays as they want it.
 */
async function moveBack(change: FileChange, folders: OpenFolders): Promise<void> {
  const kept = await digestAt(change.kept, change, folders)
  if (kept === null) return
  if (kept === change.before?.digest) await moveUnlessThere(change, folders)
  else if (![kept, change.before?.digest].includes((await digestAt(change.destination, change, folders)) ?? undefined))
    throw new Error(`the old file kept at ${change.kept} is not what it was`)
  await folders.remove(change.kept)
}

/** What cannot be moved back, for what is there cannot be replaced, was never replaced: then the very bytes are there. */
async function moveUnlessThere({ kept, destination }: FileChange, folders: OpenFolders): Promise<void> {
  try {
    await folders.move(kept, destination)
  } catch (error) {
    const [old, live] = await Promise.all([folders.read(kept), folders.read(destination)])
    if (old === null || live === null || !isSame(old, live)) throw error
  }
}

function isSame(one: Snapshot, other: Snapshot): boolean {
  const isOwnedAlike = one.mode === other.mode && one.uid === other.uid && one.gid === other.gid
  return isOwnedAlike && Buffer.compare(one.bytes, other.bytes) === 0
}

/** One that somebody has changed since is theirs. */
async function removeCreated(change: FileChange, folders: OpenFolders): Promise<void> {
  if ((await digestAt(change.destination, change, folders)) !== change.after.digest) return
  await folders.remove(change.destination)
}

async function digestAt(path: string, change: FileChange, folders: OpenFolders): Promise<string | null> {
  const snapshot = await folders.read(path)
  return snapshot === null ? null : fileDigest(change.role, snapshot.bytes)
}

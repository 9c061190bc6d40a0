import { inOpenFolders, type OpenFolders } from '../host/file/folder/open-folders.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { FileChange } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
import { keepersOf } from '../plan/keepers-of.ts'

/** Whether a commit of these changes has begun, read from the disk itself. */
export async function hasCommitBegun(changes: ChangeSet): Promise<boolean> {
  return look(changes, async (isThere, digestAt) => {
    if (changes.link !== null) return isThere
    for (const change of changes.files) {
      if ((await digestAt(change.kept, change)) !== null) return true
      if (change.before === null && (await digestAt(change.destination, change)) === change.after.digest) return true
    }
    return false
  })
}

/** Whether not one of its renames was done: each new file is still under its first name. */
export async function isUncommitted(changes: ChangeSet): Promise<boolean> {
  return look(changes, async (isThere, digestAt) => {
    if (changes.link !== null) return !isThere
    for (const change of changes.files)
      if ((await digestAt(change.staged, change)) !== change.after.digest) return false
    return true
  })
}

/** Whether every destination holds its new file. */
export async function isCommitted(changes: ChangeSet): Promise<boolean> {
  return look(changes, async (isThere, digestAt) => {
    if (changes.link !== null && !isThere) return false
    for (const change of changes.files) {
      if ((await digestAt(change.destination, change)) !== change.after.digest) return false
      if ((await digestAt(change.staged, change)) !== null) return false
    }
    return true
  })
}

type DigestAt = (path: string, change: FileChange) => Promise<string | null>

/** `isThere`: the link leads to the new generation. */
async function look(
  changes: ChangeSet,
  work: (isThere: boolean, digestAt: DigestAt) => Promise<boolean>,
): Promise<boolean> {
  return inOpenFolders(keepersOf([changes]), async (folders: OpenFolders) => {
    const { link } = changes
    const isThere = link !== null && (await folders.readLink(link.link)) === link.after
    return work(isThere, async (path, { role }) => {
      const snapshot = await folders.read(path)
      return snapshot === null ? null : fileDigest(role, snapshot.bytes)
    })
  })
}

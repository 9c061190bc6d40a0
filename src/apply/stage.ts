import { WaxsealError } from '../error/waxseal-error.ts'
import { isCode, readSnapshot, removeFile, syncFoldersOf } from '../host/file/files.ts'
import { makeLink, makeNewFolder, readLink, removeNewFolder } from '../host/file/links.ts'
import { writeNewFile } from '../host/file/write-new-file.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { PreparedChange, PreparedChanges } from './prepare-changes.ts'
import { wayOut } from './way-out.ts'

const mostAtOnce = 4

/** `stageFiles` of several targets at once: the disk makes them durable together. Each has ended when one throws. */
export async function stageAll(all: readonly PreparedChanges[]): Promise<void> {
  const queue = [...all]
  const worker = async (): Promise<void> => {
    for (let changes = queue.shift(); changes !== undefined; changes = queue.shift()) await stageFiles(changes)
  }
  const ended = await Promise.allSettled(Array.from({ length: mostAtOnce }, worker))
  for (const end of ended) if (end.status === 'rejected') throw end.reason
}

/** Writes each new file beside its destination. STAGE_FAILED: the caller unstages what was written, nothing else was. */
export async function stageFiles(changes: PreparedChanges): Promise<void> {
  try {
    if (changes.link !== null) await makeNewFolder(changes.link.folder)
    for (const change of changes.files) await stageFile(change, liveName(change, changes.link))
    if (changes.link !== null) {
      await makeLink(changes.link.staged, changes.link.after)
      await syncFoldersOf([changes.link.folder, changes.link.link])
    }
    await refuseIfEdited(changes)
  } catch (error) {
    if (error instanceof WaxsealError) throw error
    throw new WaxsealError('STAGE_FAILED', { reason: reasonOf(error as NodeJS.ErrnoException) }, { cause: error })
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.path === undefined ? error.message : wayOut(error, error.path)
}

async function stageFile(change: PreparedChange, live: string): Promise<void> {
  const { staged, contents: bytes, after } = change
  const model = mayHaveAcl(change) ? ({ path: live, attributes: 'mode' } as const) : null
  await writeNewFile(staged, { bytes, ...after }, model ?? (mayGetAcl(change) ? 'no list' : null))
}

/** The default list of its folder says who else may read a key, as soon as its group may. */
function mayGetAcl({ role, after: { mode } }: PreparedChange): boolean {
  return (role === 'key' || role === 'bundle') && (mode & 0o070) !== 0
}

/**
 * With an access control list the bits of the group are its mask (acl(5)): where they are none, or give no more than everybody has,
 * there is no list that lets somebody in. One that only takes rights away is not looked for.
 */
function mayHaveAcl({ keepsAccess, after: { mode } }: PreparedChange): boolean {
  return keepsAccess && ((mode >> 3) & ~mode & 0o7) !== 0
}

/** Where the daemon's path leads to now: with a generation, through the link. */
function liveName({ path, destination }: PreparedChange, link: PreparedChanges['link']): string {
  return link === null ? destination : path
}

/** An administrator may have written a destination since it was looked at. */
async function refuseIfEdited({ files, link }: PreparedChanges): Promise<void> {
  if (link !== null && (await readLink(link.link)) !== link.before) throw edited(link.link)
  const changed = await Promise.all(files.map((change) => isEdited(change, liveName(change, link))))
  const first = files[changed.indexOf(true)]
  if (first !== undefined) throw edited(first.path)
}

/** By its bytes: the digest of a key is that of its public half. */
async function isEdited({ live }: PreparedChange, path: string): Promise<boolean> {
  const now = await readSnapshot(path)
  return now === null || live === null ? now !== live : Buffer.compare(now.bytes, live.bytes) !== 0
}

function edited(path: string): WaxsealError {
  return new WaxsealError('STAGE_FAILED', { path, reason: 'somebody else changed it meanwhile' })
}

/** Removes what was staged and not committed. May be repeated. */
export async function unstageFiles({ files, link }: ChangeSet): Promise<void> {
  for (const change of files) await removeFile(change.staged)
  if (link === null) return await syncFolders(files.map(({ staged }) => staged))
  await removeFile(link.staged)
  await syncFolders([link.staged])
  await removeNewFolder(link.folder)
}

/** With a folder that somebody removed, what was staged in it is gone. */
async function syncFolders(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await syncFoldersOf([path]).catch((error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error
    })
  }
}

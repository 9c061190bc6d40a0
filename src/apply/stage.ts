import { basename } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { isCode } from '../host/file/files.ts'
import { makeGeneration, removeGeneration } from '../host/file/folder/generation-folder.ts'
import { inOpenFolders, type OpenFolders } from '../host/file/folder/open-folders.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import { keepersOf } from '../plan/keepers-of.ts'
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
    await inOpenFolders(keepersOf([changes]), (folders) => stageIn(folders, changes))
  } catch (error) {
    if (error instanceof WaxsealError) throw error
    throw new WaxsealError('STAGE_FAILED', { reason: reasonOf(error as NodeJS.ErrnoException) }, { cause: error })
  }
}

async function stageIn(folders: OpenFolders, changes: PreparedChanges): Promise<void> {
  const { files, link } = changes
  if (link !== null) {
    const directory = await folders.of(link.link)
    if (directory !== null) await makeGeneration(directory, basename(link.folder))
  }
  for (const change of files) await stageFile(change, liveName(change, link), folders)
  if (link !== null) {
    await folders.makeLink(link.staged, link.after)
    await folders.sync([link.folder, link.link])
  }
  await refuseIfEdited(changes, folders)
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.path === undefined ? error.message : wayOut(error, error.path)
}

async function stageFile(change: PreparedChange, live: string, folders: OpenFolders): Promise<void> {
  const { staged, contents: bytes, after } = change
  const model = mayHaveAcl(change) ? ({ path: live, attributes: 'mode' } as const) : null
  await folders.write(staged, { bytes, ...after }, model ?? (mayGetAcl(change) ? 'no list' : null))
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
async function refuseIfEdited({ files, link }: PreparedChanges, folders: OpenFolders): Promise<void> {
  if (link !== null && (await folders.readLink(link.link)) !== link.before) throw edited(link.link)
  const changed = await Promise.all(files.map((change) => isEdited(change, link, folders)))
  const first = files[changed.indexOf(true)]
  if (first !== undefined) throw edited(first.path)
}

/** By its bytes: the digest of a key is that of its public half. */
async function isEdited(
  { live, path, destination }: PreparedChange,
  link: PreparedChanges['link'],
  folders: OpenFolders,
): Promise<boolean> {
  const reading = link === null ? folders.read(destination) : folders.readThrough(link.link, basename(path))
  const now = await reading
  return now === null || live === null ? now !== live : Buffer.compare(now.bytes, live.bytes) !== 0
}

function edited(path: string): WaxsealError {
  return new WaxsealError('STAGE_FAILED', { path, reason: 'somebody else changed it meanwhile' })
}

/** Removes what was staged and not committed. May be repeated. */
export async function unstageFiles(changes: ChangeSet): Promise<void> {
  await inOpenFolders(keepersOf([changes]), async (folders) => {
    const { files, link } = changes
    for (const change of files) await folders.remove(change.staged)
    if (link === null)
      return await syncThere(
        files.map(({ staged }) => staged),
        folders,
      )
    await folders.remove(link.staged)
    await syncThere([link.staged], folders)
    const directory = await folders.of(link.link)
    if (directory !== null) await removeGeneration(directory, basename(link.folder), namesOf(changes))
  })
}

/** With a folder that somebody removed, what was staged in it is gone. */
async function syncThere(paths: readonly string[], folders: OpenFolders): Promise<void> {
  for (const path of paths) {
    await folders.sync([path]).catch((error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error
    })
  }
}

function namesOf({ files }: ChangeSet): readonly string[] {
  return files.flatMap(({ staged, destination }) => [basename(staged), basename(destination)])
}

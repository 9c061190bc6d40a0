import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, lstat, open, readdir, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The largest file that is read as certificate material, or as a document. */
export const maxBytes = 1024 * 1024

/** One regular file as it is on disk, read through one descriptor. */
export interface Snapshot {
  readonly bytes: Uint8Array
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Contents, mode and owner of a regular file of at most `most` bytes; null when there is none. A symlink is not followed. */
export async function readSnapshot(path: string, most = maxBytes): Promise<Snapshot | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(unlessMissing)
  if (file === null) return null
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error(`${path} is not a regular file`)
    if (stats.size > most) throw new Error(`${path} is larger than ${most} bytes`)
    return { bytes: await file.readFile(), mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid }
  } finally {
    await file.close()
  }
}

/** A name beside `path` that nobody can guess. */
export function siblingName(path: string, purpose: 'new' | 'old'): string {
  const folder = dirname(path)
  return `${folder === '/' ? '' : folder}/.waxseal-${randomBytes(12).toString('hex')}.${purpose}`
}

/** Renames one file over another, atomically; `syncFolder` makes it durable. */
export async function moveFile(from: string, to: string): Promise<void> {
  await rename(from, to)
}

/** Gives a file its final name, which must be free (EEXIST). */
export async function moveWithoutReplacing(from: string, to: string): Promise<void> {
  await link(from, to)
  await unlink(from)
}

/** Removes a file; a missing one is no error. Returns whether there was one. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false
    throw error
  }
}

/** Makes the renames in the folders of these files durable: one fsync per folder. */
export async function syncFoldersOf(paths: readonly string[]): Promise<void> {
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

/** Whether `error` is a system error with this code: `ENOENT`. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code
}

/** For `catch`: null where nothing is there. Throws any other error. */
export function unlessMissing(error: unknown): null {
  if (isCode(error, 'ENOENT')) return null
  throw error
}

/** Whether the file system has no room, or takes nothing. */
export function isStorage(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'].some((code) => isCode(error, code))
}

/** The names in a folder, with the time of their last change; none where there is no such folder. */
export async function listFiles(
  folder: string,
): Promise<readonly { readonly name: string; readonly modified: Date }[]> {
  try {
    const names = await readdir(folder)
    return await Promise.all(names.map(async (name) => ({ name, modified: (await lstat(join(folder, name))).mtime })))
  } catch (error) {
    if (isCode(error, 'ENOENT')) return []
    throw error
  }
}

import { constants } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { WaxsealError } from '../../../error/waxseal-error.ts'
import type { Keeper } from '../../../plan/keeper.ts'
import { isCode } from '../files.ts'
import { hasAccessList } from '../write/copy-attributes.ts'
import { isShared, whoElseWrites } from './whose-folder.ts'

/** open(2); Node has no name for it. A folder need not be readable to be passed. */
const pathOnly = 0o10000000
const asFolder = constants.O_DIRECTORY | constants.O_NOFOLLOW

/**
 * A folder that was opened, and that nobody can exchange any more: what happens in it happens there, whatever its name leads to
 * meanwhile. Below `/proc/self/fd/N` a name is looked up as by openat(2) (proc_pid_fd(5)).
 */
export interface OpenFolder {
  /** As it was when it was opened. */
  readonly path: string
  /** The path of a name in it, for a call of the system. */
  at(name: string): string
  /** Runs calls of the system, whose errors then tell the path that people know. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** The folder of this name in it, held to the same rule; null: there is none. */
  open(name: string): Promise<OpenFolder | null>
  /** Makes a folder in it (EEXIST), which others may enter. */
  make(name: string): Promise<void>
  /** Removes an empty folder in it; false: it has something in it, or there is none. */
  removeEmpty(name: string): Promise<boolean>
  /** The names in it. */
  names(): Promise<readonly string[]>
  /** Makes its names durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens each folder from `/` to this absolute path without following a link. Null: there is none. PATH_NOT_ALLOWED: a link is in
 * the way, or somebody else could write in one of them.
 */
export async function openFolder(path: string, keeper: Keeper | null): Promise<OpenFolder | null> {
  const names = path.split('/').filter((name) => name !== '')
  let at = '/'
  let handle = await openOne('/', at)
  for (let name = names.shift(); handle !== null; name = names.shift()) {
    await requireOurs(handle, at, keeper, name === undefined)
    if (name === undefined) return folderOf(handle, path, keeper)
    const parent: FileHandle = handle
    at = join(at, name)
    handle = await openOne(`/proc/self/fd/${parent.fd}/${name}`, at).finally(() => parent.close())
  }
  return null
}

/** Null: there is no such folder. */
async function openOne(name: string, path: string): Promise<FileHandle | null> {
  if (path.split('/').includes('..')) throw refused(path, 'it has a ".." in it')
  try {
    return await open(name, pathOnly | asFolder)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    if (isCode(error, 'ENOTDIR') || isCode(error, 'ELOOP'))
      throw refused(path, `${path} is a link or a file by now, where a folder was`)
    throw asKnown(error, name, path)
  }
}

/** Closes it where it throws. */
async function requireOurs(handle: FileHandle, path: string, keeper: Keeper | null, isLast: boolean): Promise<void> {
  try {
    const facts = await handle.stat()
    const others = whoElseWrites(facts, keeper, isLast)
    if (others !== null) throw refused(path, `${path} ${others}, who could put another file in the place of this one`)
    // With a list the bits of the group are its mask (acl(5)): somebody whom no mode shows may write.
    if (isShared(facts, isLast) && (await hasAccessList(handle)))
      throw refused(path, `${path} has an access control list, by which others may write`)
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** The reason, and the line of the policy that would allow it. */
function refused(path: string, reason: string): WaxsealError {
  const way = `chown root and chmod go-w, or name the folder with its owner: policy.folders: { ${path}: OWNER }`
  return new WaxsealError('PATH_NOT_ALLOWED', { path, reason, setting: 'policy.folders', way })
}

function folderOf(handle: FileHandle, path: string, keeper: Keeper | null): OpenFolder {
  const own = `/proc/self/fd/${handle.fd}`
  const at = (name: string): string => `${own}/${name}`
  const run = <T>(work: () => Promise<T>): Promise<T> =>
    work().catch((error: unknown) => {
      throw asKnown(error, own, path)
    })
  return {
    path,
    at,
    run,
    open: async (name) => {
      const below = join(path, name)
      const found = await openOne(at(name), below)
      if (found === null) return null
      await requireOurs(found, below, keeper, true)
      return folderOf(found, below, keeper)
    },
    make: (name) =>
      run(async () => {
        await mkdir(at(name))
        const made = await open(at(name), pathOnly | asFolder)
        await chmod(`/proc/self/fd/${made.fd}`, 0o755).finally(() => made.close())
      }),
    removeEmpty: (name) =>
      run(async () => {
        try {
          await rmdir(at(name))
          return true
        } catch (error) {
          if (['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'].some((code) => isCode(error, code))) return false
          throw error
        }
      }),
    names: () => run(() => readdir(`${own}/.`)),
    sync: () =>
      run(async () => {
        const readable = await open(`${own}/.`, constants.O_RDONLY | constants.O_DIRECTORY)
        await readable.sync().finally(() => readable.close())
      }),
    close: () => handle.close(),
  }
}

/** A descriptor's number tells nobody anything. */
function asKnown(error: unknown, own: string, path: string): unknown {
  if (!(error instanceof Error) || error instanceof WaxsealError || !error.message.includes(own)) return error
  const { code, path: at } = error as NodeJS.ErrnoException
  const known = new Error(error.message.replaceAll(own, path), { cause: error })
  return Object.assign(known, { code }, at === undefined ? {} : { path: at.replace(own, path) })
}

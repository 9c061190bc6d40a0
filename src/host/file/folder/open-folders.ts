import { rename, symlink, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Keeper } from '../../../plan/keeper.ts'
import { isCode, readSnapshot, type Snapshot } from '../files.ts'
import { readLink } from '../link/links.ts'
import type { Model } from '../write/copy-attributes.ts'
import { keepFile } from '../write/keep-file.ts'
import { type Obstacle, obstacleAt, obstacleIn } from '../write/replaceable.ts'
import { writeNewFile } from '../write/write-new-file.ts'
import { type OpenFolder, openFolder } from './open-folder.ts'

/**
 * What is done to files by their paths, each in its folder, which is opened once, by `openFolder`, when the first of them is met. What
 * only looks and what removes finds nothing where the folder is not there any more; the others throw ENOENT.
 */
export interface OpenFolders {
  /** The folder of this path; null: it is not there. */
  of(path: string): Promise<OpenFolder | null>
  /** `readSnapshot`. */
  read(path: string): Promise<Snapshot | null>
  /** `readSnapshot` of a name in what a link leads to: only looked at, wherever that is. */
  readThrough(link: string, name: string): Promise<Snapshot | null>
  /** `writeNewFile`; a model is a name beside it. */
  write(path: string, snapshot: Snapshot, model?: Model | 'no list' | null): Promise<void>
  /** `keepFile`. */
  keep(path: string, kept: string): Promise<void>
  /** Renames one name over another in one folder. */
  move(from: string, to: string): Promise<void>
  /** Returns whether there was one. */
  remove(path: string): Promise<boolean>
  /** `readLink`. */
  readLink(path: string): Promise<string | null>
  /** Makes a symlink where nothing is (EEXIST). */
  makeLink(path: string, text: string): Promise<void>
  /** Makes the names in the folders of these files durable: one fsync per folder, side by side; each has ended when one throws. */
  sync(paths: readonly string[]): Promise<void>
  /** Why this name could not be renamed over, or no new one be given beside it. */
  obstacle(path: string, isThere: boolean): Promise<Obstacle>
}

/** Gives the work folders that are opened as it asks for them, and closed when it has ended. `keeperOf`: by the path of a folder. */
export async function inOpenFolders<T>(
  keeperOf: (folder: string) => Keeper | null,
  work: (folders: OpenFolders) => Promise<T>,
): Promise<T> {
  const opened = new Map<string, Promise<OpenFolder | null>>()
  const of = (path: string): Promise<OpenFolder | null> => {
    const folder = dirname(path)
    const known = opened.get(folder) ?? openFolder(folder, keeperOf(folder))
    opened.set(folder, known)
    // One that is not there may be made.
    return known.then((found) => {
      if (found === null) opened.delete(folder)
      return found
    })
  }
  try {
    return await work(operationsIn(of))
  } finally {
    for (const known of opened.values()) await known.then((folder) => folder?.close()).catch(() => {})
  }
}

function operationsIn(of: OpenFolders['of']): OpenFolders {
  /** `otherwise`: where there is no folder. */
  const look = async <T>(
    path: string,
    otherwise: T,
    work: (at: string, folder: OpenFolder) => Promise<T>,
  ): Promise<T> => {
    const folder = await of(path)
    return folder === null ? otherwise : folder.run(() => work(folder.at(basename(path)), folder))
  }
  const act = async <T>(path: string, work: (at: string, folder: OpenFolder) => Promise<T>): Promise<T> => {
    const folder = await of(path)
    if (folder !== null) return folder.run(() => work(folder.at(basename(path)), folder))
    throw Object.assign(new Error(`ENOENT: there is no folder ${dirname(path)}`), { code: 'ENOENT', path })
  }
  const beside = (folder: OpenFolder, path: string): string => {
    if (dirname(path) === folder.path) return folder.at(basename(path))
    throw new Error(`${path} is not in ${folder.path}`)
  }
  /** In a generation the model is what the link leads to: `current/cert.pem`. */
  const modelAt = async (folder: OpenFolder, path: string): Promise<string> => {
    if (dirname(path) === folder.path) return folder.at(basename(path))
    return act(dirname(path), async (link) => `${link}/${basename(path)}`)
  }
  return {
    of,
    read: (path) => look(path, null, (at) => readSnapshot(at)),
    readThrough: (link, name) => look(link, null, (at) => readSnapshot(`${at}/${name}`)),
    write: (path, snapshot, model = null) =>
      act(path, async (at, folder) => {
        if (model === null || model === 'no list') return writeNewFile(at, snapshot, model)
        return writeNewFile(at, snapshot, { ...model, path: await modelAt(folder, model.path) })
      }),
    keep: (path, kept) => act(path, (at, folder) => keepFile(at, beside(folder, kept))),
    move: (from, to) => act(from, (at, folder) => rename(at, beside(folder, to))),
    remove: (path) =>
      look(path, false, async (at) => {
        try {
          await unlink(at)
          return true
        } catch (error) {
          if (isCode(error, 'ENOENT')) return false
          throw error
        }
      }),
    readLink: (path) => look(path, null, readLink),
    makeLink: (path, text) => act(path, (at) => symlink(text, at)),
    sync: async (paths) => {
      const once = new Map(paths.map((each) => [dirname(each), each] as const))
      const ended = await Promise.allSettled([...once.values()].map((path) => act(path, (_, folder) => folder.sync())))
      for (const end of ended) if (end.status === 'rejected') throw end.reason
    },
    obstacle: (path, isThere) =>
      act(path, (at, folder) => (isThere ? obstacleAt(at, path) : obstacleIn(folder.at('.'), folder.path))),
  }
}

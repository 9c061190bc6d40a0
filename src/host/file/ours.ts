import type { Stats } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A place that another user could change. */
export interface Foreign {
  readonly path: string
  readonly reason: string
  /** The command that mends it. */
  readonly fix: string
}

/** What is asked of a file or folder: its mode and its owner. */
export type Ownership = Pick<Stats, 'mode' | 'uid'>

const writableByOthers = 0o022
const sticky = 0o1000

/** Whether a file or folder belongs to root, or to the user that this process runs as. */
export function isOurs({ uid }: Pick<Stats, 'uid'>): boolean {
  return uid === 0 || uid === process.geteuid?.()
}

/**
 * Why others could change this file or folder, by its mode and owner alone; null: they cannot. `isOnTheWay`: a folder with the
 * sticky bit, such as `/tmp`, passes, for others cannot replace in it what is ours: what comes below it has to be asked, too.
 */
export function foreignBy(path: string, stats: Ownership, isOnTheWay = false): Foreign | null {
  if (!isOurs(stats)) return { path, reason: `${path} belongs to another user`, fix: `chown root ${path}` }
  if ((stats.mode & writableByOthers) === 0 || (isOnTheWay && (stats.mode & sticky) !== 0)) return null
  return { path, reason: `others may write ${path}`, fix: `chmod go-w ${path}` }
}

/** As many as Linux follows (path_resolution(7)). */
const mostLinks = 40

/**
 * The first place on the way to this path that another user could change: a folder, a link, or what the path names; null: there is
 * none. Asked from `/` downwards, so that nobody can exchange what was asked already. The way ends where nothing is yet: who makes it there asks again.
 */
export async function foreignOnTheWayTo(path: string): Promise<Foreign | null> {
  const left = namesOf(path)
  let at = '/'
  let links = 0
  let stats = await lstat(at)
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    const foreign = foreignBy(at, stats, true)
    if (foreign !== null) return foreign
    const next = name === '..' ? dirname(at) : join(at, name)
    const found = await lstat(next).catch(unlessMissing)
    if (found === null) return null
    if (!found.isSymbolicLink()) {
      at = next
      stats = found
      continue
    }
    // The mode of a link says nothing; its owner may exchange it, even in a sticky folder.
    if (!isOurs(found)) return foreignBy(next, found)
    links += 1
    if (links > mostLinks) return { path, reason: `${path} leads through too many links`, fix: `readlink ${path}` }
    const text = await readlink(next)
    left.unshift(...namesOf(text))
    if (text.startsWith('/')) {
      at = '/'
      stats = await lstat(at)
    }
  }
  return foreignBy(at, stats)
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function unlessMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}

import type { Stats } from 'node:fs'
import { isCode } from './files.ts'
import { type PlaceOnTheWay, placesOnTheWay } from './link/places-on-the-way.ts'

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

/**
 * The first place on the way to this path that another user could change: a folder, a link, or what the path names; null: there is
 * none. Asked from `/` downwards, so that nobody can exchange what was asked already. The way ends where nothing is yet: who makes it there asks again.
 */
export async function foreignOnTheWayTo(path: string): Promise<Foreign | null> {
  try {
    for await (const place of placesOnTheWay(path)) {
      const foreign = foreignAt(place)
      if (foreign !== null) return foreign
    }
    return null
  } catch (error) {
    if (!isCode(error, 'ELOOP')) throw error
    return { path, reason: `${path} leads through too many links`, fix: `readlink ${path}` }
  }
}

/** The mode of a link says nothing; its owner may exchange it, even in a sticky folder. */
function foreignAt({ path, stats, isEnd }: PlaceOnTheWay): Foreign | null {
  if (!stats.isSymbolicLink()) return foreignBy(path, stats, !isEnd)
  return isOurs(stats) ? null : foreignBy(path, stats)
}

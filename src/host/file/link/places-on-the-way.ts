import type { Stats } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { unlessMissing } from '../files.ts'

/** A folder or a link that a path leads through, or what it leads to in the end. */
export interface PlaceOnTheWay {
  /** With the links in its own folder resolved. */
  readonly path: string
  /** Of a link its own. */
  readonly stats: Stats
  /** The names that are left to be looked up from here, as they are written. */
  readonly rest: readonly string[]
  /** The path leads here and no further. */
  readonly isEnd: boolean
}

/** As many as Linux follows (path_resolution(7)). */
const mostLinks = 40

/**
 * The places by which an absolute path leads to where it does, from `/` downwards, as Linux resolves it: each is told before the next is
 * looked up, so that whoever asks can stop there. Ends where nothing is yet. ELOOP: it leads through too many links.
 */
export async function* placesOnTheWay(path: string): AsyncGenerator<PlaceOnTheWay> {
  const left = namesOf(path)
  let at = '/'
  let stats = await lstat(at)
  let links = 0
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    yield { path: at, stats, rest: [name, ...left], isEnd: false }
    const next = name === '..' ? dirname(at) : join(at, name)
    const found = await lstat(next).catch(unlessMissing)
    if (found === null) return
    if (!found.isSymbolicLink()) {
      at = next
      stats = found
      continue
    }
    yield { path: next, stats: found, rest: [...left], isEnd: false }
    links += 1
    if (links > mostLinks) throw Object.assign(new Error(`${path} leads through too many links`), { code: 'ELOOP' })
    const text = await readlink(next)
    left.unshift(...namesOf(text))
    if (text.startsWith('/')) {
      at = '/'
      stats = await lstat(at)
    }
  }
  yield { path: at, stats, rest: [], isEnd: true }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

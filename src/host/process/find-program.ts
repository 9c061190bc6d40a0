import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { type Foreign, foreignOnTheWayTo } from '../file/ours.ts'

/** The system's own folders of programs, as hier(7) has them. */
const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const

/** Where a program is, and in which folders it finds others; or why it is not run. */
export type FoundProgram =
  | { readonly path: string; readonly searched: string }
  | { readonly reason: 'missing' | 'relative' | Foreign }

/**
 * A path as it stands; a bare name in the system's own folders alone, whatever PATH the environment has. Nobody but root, or the user
 * that this process runs as, can have written the program, or put another in its place: a folder that others may write is passed over.
 */
export async function findProgram(program: string): Promise<FoundProgram> {
  const place = await placeOf(program)
  if (!('path' in place)) return place
  const own = await Promise.all(folders.map(isOwnFolder))
  return { ...place, searched: folders.filter((_, index) => own[index]).join(':') }
}

type Place = { readonly path: string } | Extract<FoundProgram, { reason: unknown }>

/** Where it would be found, without the folders that it is given to search. */
async function placeOf(program: string): Promise<Place> {
  if (program.startsWith('/')) return (await whyForeign(program)) ?? { path: program }
  if (program.includes('/') || program === '') return { reason: 'relative' }
  let foreign: Place | null = null
  for (const folder of folders) {
    const path = `${folder}/${program}`
    if (!(await isProgram(path)) || !(await isOwnFolder(folder))) continue
    const refused = await whyForeign(path)
    if (refused === null) return { path }
    foreign ??= refused
  }
  return foreign ?? { reason: 'missing' }
}

async function isOwnFolder(folder: string): Promise<boolean> {
  return (await foreignOnTheWayTo(folder).catch(() => 'unreadable')) === null
}

/** Null: it is ours. */
async function whyForeign(path: string): Promise<Extract<FoundProgram, { reason: unknown }> | null> {
  const foreign = await foreignOnTheWayTo(path)
  return foreign === null ? null : { reason: foreign }
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** Why a program is not run, in a sentence; null: it is, or it is missing, which its exit tells. */
export async function reasonAgainst(program: string): Promise<string | null> {
  if (program.startsWith('waxseal:')) return null
  const found = await placeOf(program).catch(() => null)
  if (found === null || 'path' in found || found.reason === 'missing') return null
  if (found.reason === 'relative') return 'it is neither an absolute path nor a bare name'
  return `${found.reason.reason}: ${found.reason.fix}`
}

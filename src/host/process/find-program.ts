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
  const open = await Promise.all(folders.map((folder) => foreignOnTheWayTo(folder).catch(() => 'unreadable' as const)))
  const own = folders.filter((_, index) => open[index] === null)
  const searched = own.join(':')
  if (program.startsWith('/')) return (await isOurs(program)) ?? { path: program, searched }
  if (program.includes('/') || program === '') return { reason: 'relative' }
  let foreign: Extract<FoundProgram, { reason: unknown }> | null = null
  for (const path of own.map((folder) => `${folder}/${program}`)) {
    if (!(await isProgram(path))) continue
    const refused = await isOurs(path)
    if (refused === null) return { path, searched }
    foreign ??= refused
  }
  return foreign ?? { reason: 'missing' }
}

/** Null: it is. */
async function isOurs(path: string): Promise<Extract<FoundProgram, { reason: unknown }> | null> {
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
  const found = await findProgram(program).catch(() => null)
  if (found === null || 'path' in found || found.reason === 'missing') return null
  if (found.reason === 'relative') return 'it is neither an absolute path nor a bare name'
  return `${found.reason.reason}: ${found.reason.fix}`
}

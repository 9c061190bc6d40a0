import { basename, dirname } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { kindsIn, type MaterialKind } from '../material/kinds-in.ts'
import type { Keeper } from '../plan/keeper.ts'
import type { FileRole, PlannedWiring } from '../plan/plan.ts'
import { whyNoPlace } from './why-no-place.ts'

/** A file that is to be replaced, or made. */
export interface Placed {
  readonly path: string
  readonly role: FileRole
  /** Its resolved place, or that of the link of its generation. */
  readonly place: string
  readonly contents: Uint8Array
  /** What is there; null: nothing. */
  readonly live: { readonly bytes: Uint8Array; readonly mode: number } | null
  /** Whom policy names for the folder; null: it does not name it. */
  readonly keeper: Keeper | null
}

/** Whether a record of this host has the file in this role. */
export type IsRecorded = (file: Placed) => Promise<boolean>

/**
 * Lets a plan replace only what a record or the daemon's own settings name, or what holds material of its role; and make new names only
 * where they name them, or where nothing else is than such material. PATH_NOT_ALLOWED says what is there, and what to do.
 */
export async function requireFitting(
  files: readonly Placed[],
  wiring: PlannedWiring | null,
  isRecorded: IsRecorded,
  roots: readonly string[],
): Promise<void> {
  for (const file of files) {
    const { live, contents } = file
    if (live !== null && Buffer.compare(live.bytes, contents) === 0) continue
    const isNew = live === null || live.bytes.length === 0
    const kept = isNew ? null : whyKept(file, live, wiring)
    if (!isNew && kept === null) continue
    if (kept?.isFinal !== true && (isWired(file, wiring) || (await isRecorded(file)))) continue
    const reason = kept?.reason ?? (file.keeper === null ? await whyNoPlace(file.place, roots) : null)
    if (reason !== null) throw refused(file, reason, isNew)
  }
}

interface Kept {
  readonly reason: string
  /** Nothing can name it. */
  readonly isFinal: boolean
}

/** Null: it holds what its role may replace. */
function whyKept(
  { role, keeper }: Placed,
  live: NonNullable<Placed['live']>,
  wiring: PlannedWiring | null,
): Kept | null {
  const kinds = kindsIn(live.bytes)
  if (isProgram(live, kinds)) return { reason: 'it is a program', isFinal: true }
  if (role === 'other' && keeper !== null) return null
  if (replaces[role].some((kind) => kinds.has(kind))) return null
  const known = wiring === null ? 'no record names it' : 'neither a record nor the settings of the daemon name it'
  return { reason: `it holds ${wanted[role]}, and ${known}`, isFinal: false }
}

/** The one table of what takes the place of what. */
const replaces: Readonly<Record<FileRole, readonly MaterialKind[]>> = {
  certificate: ['certificate'],
  chain: ['certificate'],
  key: ['key'],
  bundle: ['certificate', 'key', 'store'],
  other: [],
}

const wanted: Readonly<Record<FileRole, string>> = {
  certificate: 'no certificate',
  chain: 'no certificate',
  key: 'no private key',
  bundle: 'no certificate, key or store',
  other: 'something else',
}

function isProgram({ bytes, mode }: NonNullable<Placed['live']>, kinds: ReadonlySet<MaterialKind>): boolean {
  const start = Buffer.from(bytes.subarray(0, 4)).toString('latin1')
  return start.startsWith('#!') || start === '\x7fELF' || ((mode & 0o111) !== 0 && kinds.size === 0)
}

/** In this role, whatever it holds; or in one that cannot be told, unless it holds what is of another role. */
function isWired({ path, role, live }: Placed, wiring: PlannedWiring | null): boolean {
  const named = wiring?.named?.find((file) => file.path === path)
  if (named === undefined || named.isRoleKnown) return named !== undefined
  const kinds = live === null ? new Set<MaterialKind>() : kindsIn(live.bytes)
  return kinds.size === 0 || replaces[role].some((kind) => kinds.has(kind))
}

function refused({ path, place }: Placed, reason: string, isNew: boolean): WaxsealError {
  const folder = dirname(place)
  const naming = `policy.folders: { ${folder}: root }`
  const way = isNew
    ? `Have the daemon's settings name ${path} first, use a folder for certificates alone (install -d ${folder}/tls), or name the folder: ${naming}`
    : `If it is not needed: mv ${place} ${place}.old. Else give the target another path; or have the daemon's settings name ${basename(place)}`
  return new WaxsealError('PATH_NOT_ALLOWED', { path, reason, setting: 'policy.folders', way })
}

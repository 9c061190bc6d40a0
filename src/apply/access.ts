import { WaxsealError } from '../error/waxseal-error.ts'
import type { Snapshot } from '../host/file/files.ts'
import { resolveGroup, resolveUser } from '../host/users.ts'
import type { FileVersion } from '../plan/file-change.ts'
import type { FileRole, PlannedFile } from '../plan/plan.ts'

const defaultModes: Readonly<Record<FileRole, number>> = {
  certificate: 0o644,
  chain: 0o644,
  key: 0o600,
  bundle: 0o600,
  other: 0o600,
}

/** Who may read a new file. */
export type Access = Pick<FileVersion, 'mode' | 'uid' | 'gid'>

/** As planned; else the live file's; else what a new one needs; else root. What holds a key is never open to others. */
export async function accessFor(file: PlannedFile, live: Snapshot | null): Promise<Access> {
  const uid = await idOf('owner', file, live?.uid)
  if (live === null || file.mode !== 'keep' || !opensKey(file, live)) {
    const mode = modeOf(file, live)
    return { mode: holdsKey(file) ? mode & ~0o007 : mode, uid, gid: await idOf('group', file, live?.gid) }
  }
  // A group that may read what everybody may read was not chosen for a key.
  const isChosen = file.group !== 'keep' || heldKey(file, live)
  const mode = (isChosen ? live.mode : (file.fresh?.mode ?? defaultModes.key)) & ~0o007
  return { mode, uid, gid: await idOf('group', file, heldKey(file, live) && live.gid !== 0 ? live.gid : undefined) }
}

/** Whether the live file's mode, kept, would let everybody read a key. */
export function opensKey(file: PlannedFile, live: Snapshot | null): boolean {
  return live !== null && file.mode === 'keep' && holdsKey(file) && (live.mode & 0o007) !== 0
}

/** By its role, and by what is in it, whatever its role. */
function holdsKey({ role, contents }: PlannedFile): boolean {
  return role === 'key' || role === 'bundle' || hasKey(contents)
}

function heldKey({ role }: PlannedFile, { bytes }: Snapshot): boolean {
  return role === 'key' || hasKey(bytes)
}

function hasKey(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).toString('latin1').includes('PRIVATE KEY-----')
}

function modeOf({ role, mode, fresh }: PlannedFile, live: Snapshot | null): number {
  return mode === 'keep' ? (live?.mode ?? fresh?.mode ?? defaultModes[role]) : mode
}

async function idOf(kind: 'owner' | 'group', file: PlannedFile, live: number | undefined): Promise<number> {
  const planned = file[kind] === 'keep' ? (live ?? file.fresh?.[kind] ?? 0) : file[kind]
  if (typeof planned === 'number') return planned
  const id = kind === 'owner' ? ((await resolveUser(planned))?.uid ?? null) : await resolveGroup(planned)
  if (id !== null) return id
  throw new WaxsealError('STAGE_FAILED', { path: file.path, reason: `this host has no such ${kind}: ${planned}` })
}

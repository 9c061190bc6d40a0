import { WaxsealError } from '../error/waxseal-error.ts'
import { readSnapshot, type Snapshot, siblingName } from '../host/files.ts'
import { resolveGroup, resolveUser } from '../host/users.ts'
import type { FileChange, FileVersion } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
import type { FileRole, PlannedFile } from '../plan/plan.ts'

const defaultModes: Readonly<Record<FileRole, number>> = {
  certificate: 0o644,
  chain: 0o644,
  key: 0o600,
  bundle: 0o600,
  other: 0o600,
}

/** A planned file with the place that policy resolved it to. */
export interface Destined {
  readonly file: PlannedFile
  readonly destination: string
}

/** A change with the bytes of both versions, which stay in memory. */
export interface PreparedChange extends FileChange {
  readonly contents: Uint8Array
  /** Null: there was no such file. */
  readonly previous: Uint8Array | null
}

/** Looks at each destination and resolves mode and owner. Touches nothing; STAGE_FAILED when it cannot be read. */
export async function prepareChanges(destined: readonly Destined[]): Promise<readonly PreparedChange[]> {
  return Promise.all(destined.map(prepareChange))
}

async function prepareChange({ file, destination }: Destined): Promise<PreparedChange> {
  const live = await readLive(destination)
  const after: FileVersion = {
    digest: fileDigest(file.role, file.contents),
    mode: file.mode === 'keep' ? (live?.mode ?? defaultModes[file.role]) : file.mode,
    uid: file.owner === 'keep' ? (live?.uid ?? 0) : await idOf('owner', file.owner, file.path),
    gid: file.group === 'keep' ? (live?.gid ?? 0) : await idOf('group', file.group, file.path),
  }
  return {
    path: file.path,
    role: file.role,
    destination,
    staged: siblingName(destination, 'new'),
    kept: siblingName(destination, 'old'),
    before: live === null ? null : { ...live, digest: fileDigest(file.role, live.bytes) },
    after,
    contents: file.contents,
    previous: live?.bytes ?? null,
  }
}

async function readLive(destination: string): Promise<Snapshot | null> {
  try {
    return await readSnapshot(destination)
  } catch (cause) {
    throw new WaxsealError('STAGE_FAILED', { path: destination, reason: (cause as Error).message }, { cause })
  }
}

async function idOf(kind: 'owner' | 'group', name: string, path: string): Promise<number> {
  const id = kind === 'owner' ? ((await resolveUser(name))?.uid ?? null) : await resolveGroup(name)
  if (id === null) throw new WaxsealError('STAGE_FAILED', { path, reason: `this host has no such ${kind}: ${name}` })
  return id
}

/** Whether bytes, mode and owner are there already. */
export function isInPlace(change: PreparedChange): boolean {
  const { before, after, previous, contents } = change
  return (
    before !== null &&
    previous !== null &&
    Buffer.compare(previous, contents) === 0 &&
    before.mode === after.mode &&
    before.uid === after.uid &&
    before.gid === after.gid
  )
}

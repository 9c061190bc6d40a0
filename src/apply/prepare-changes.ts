import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { readSnapshot, type Snapshot, siblingName } from '../host/file/files.ts'
import { readLink } from '../host/file/links.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { FileChange, FileVersion } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
import type { LinkSwitch } from '../plan/link-switch.ts'
import type { PlannedFile } from '../plan/plan.ts'
import { type Access, accessFor, opensKey } from './access.ts'

/** A planned file with the place that policy resolved it to. */
export interface Destined {
  readonly file: PlannedFile
  readonly destination: string
}

/** A change with the bytes of both versions, which stay in memory. */
export interface PreparedChange extends FileChange {
  readonly contents: Uint8Array
  /** What the daemon's path leads to now; null: nothing. With a generation that is another file than the destination. */
  readonly live: Live | null
  /** Whether mode, owner and group stay those of the live file. */
  readonly keepsAccess: boolean
  /** Everybody may read the live file, and the new one holds a key: its mode is another. */
  readonly wasOpen: boolean
}

interface Live extends FileVersion {
  readonly bytes: Uint8Array
}

/** The change set with its contents. */
export interface PreparedChanges extends ChangeSet {
  readonly files: readonly PreparedChange[]
}

/** Looks at each destination and resolves mode and owner. Touches nothing; STAGE_FAILED when it cannot be read. */
export async function prepareChanges(
  destined: readonly Destined[],
  generation: { readonly link: string; readonly now: number } | null,
): Promise<PreparedChanges> {
  if (generation === null)
    return { files: await Promise.all(destined.map((one) => prepareChange(one, null))), link: null }
  const link = await prepareLink(generation.link, generation.now)
  return { files: await Promise.all(destined.map((one) => prepareChange(one, link.folder))), link }
}

async function prepareLink(link: string, now: number): Promise<LinkSwitch> {
  const stamp = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const after = `generations/${stamp}-${randomBytes(4).toString('hex')}`
  const before = await readLink(link).catch((cause: Error) => {
    throw new WaxsealError('STAGE_FAILED', { path: link, reason: cause.message }, { cause })
  })
  return { link, staged: siblingName(link, 'new'), before, after, folder: join(dirname(link), after) }
}

/** `folder`: the new generation; null: the file is replaced where it is. */
async function prepareChange({ file, destination: live }: Destined, folder: string | null): Promise<PreparedChange> {
  const snapshot = await readLive(live)
  const destination = folder === null ? live : join(folder, basename(file.path))
  const version = snapshot === null ? null : { ...snapshot, digest: fileDigest(file.role, snapshot.bytes) }
  const after: FileVersion = {
    digest: fileDigest(file.role, file.contents),
    ...(await accessFor(file, snapshot)),
  }
  return {
    path: file.path,
    role: file.role,
    destination,
    staged: siblingName(destination, 'new'),
    kept: siblingName(destination, 'old'),
    before: version === null || folder !== null ? null : versionOf(version),
    after,
    contents: file.contents,
    live: version,
    keepsAccess: file.mode === 'keep' && snapshot !== null && hasSameAccess(snapshot, after),
    wasOpen: opensKey(file, snapshot),
  }
}

function versionOf({ digest, mode, uid, gid }: FileVersion): FileVersion {
  return { digest, mode, uid, gid }
}

async function readLive(destination: string): Promise<Snapshot | null> {
  try {
    return await readSnapshot(destination)
  } catch (cause) {
    throw new WaxsealError('STAGE_FAILED', { path: destination, reason: (cause as Error).message }, { cause })
  }
}

/** Whether bytes, mode and owner are there already. */
export function isInPlace({ live, after, contents }: PreparedChange): boolean {
  return live !== null && Buffer.compare(live.bytes, contents) === 0 && hasSameAccess(live, after)
}

function hasSameAccess(one: Access, other: Access): boolean {
  return one.mode === other.mode && one.uid === other.uid && one.gid === other.gid
}

import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { siblingName } from '../host/file/files.ts'
import { inOpenFolders, type OpenFolders } from '../host/file/folder/open-folders.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { FileChange, FileVersion } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
import type { Keeper } from '../plan/keeper.ts'
import type { LinkSwitch } from '../plan/link-switch.ts'
import type { PlannedFile } from '../plan/plan.ts'
import { type Access, accessFor, opensKey } from './access.ts'

/** A planned file with the place that policy resolved it to. */
export interface Destined {
  readonly file: PlannedFile
  readonly destination: string
  /** Who may write in its folder beside root; left out: nobody. */
  readonly keeper?: Keeper
}

/** The link of the generations. */
export interface DestinedLink {
  readonly link: string
  /** Milliseconds since 1970. */
  readonly now: number
  readonly keeper?: Keeper
  /** Names of the files that the generation before this one has by its record. */
  readonly earlier?: readonly string[]
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

/**
 * Looks at each destination and resolves mode and owner. Touches nothing; STAGE_FAILED when it cannot be read, PATH_NOT_ALLOWED where
 * somebody else could write in its folder.
 */
export async function prepareChanges(
  destined: readonly Destined[],
  generation: DestinedLink | null,
): Promise<PreparedChanges> {
  const places = [...destined.map(({ destination, keeper }) => ({ path: destination, keeper })), ...placeOf(generation)]
  const keepers = new Map(places.map(({ path, keeper }) => [dirname(path), keeper]))
  const keeperOf = (folder: string): Keeper | null => keepers.get(folder) ?? null
  return inOpenFolders(keeperOf, async (folders) => {
    const link = generation === null ? null : await prepareLink(generation, folders)
    return { files: await Promise.all(destined.map((one) => prepareChange(one, link, folders))), link }
  })
}

function placeOf(generation: DestinedLink | null): readonly { readonly path: string; readonly keeper?: Keeper }[] {
  return generation === null ? [] : [{ path: generation.link, ...keeping(generation) }]
}

function keeping({ keeper }: { readonly keeper?: Keeper }): { readonly keeper?: Keeper } {
  return keeper === undefined ? {} : { keeper }
}

async function prepareLink(generation: DestinedLink, folders: OpenFolders): Promise<LinkSwitch> {
  const { link, now, earlier } = generation
  const stamp = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const after = `generations/${stamp}-${randomBytes(4).toString('hex')}`
  const before = await orStageFailed(link, folders.readLink(link))
  return {
    link,
    staged: siblingName(link, 'new'),
    before,
    after,
    folder: join(dirname(link), after),
    ...(earlier === undefined ? {} : { earlier }),
    ...keeping(generation),
  }
}

/** `link`: of the new generation; null: the file is replaced where it is. */
async function prepareChange(
  destined: Destined,
  link: LinkSwitch | null,
  folders: OpenFolders,
): Promise<PreparedChange> {
  const { file, destination: live } = destined
  const name = basename(file.path)
  const snapshot = await orStageFailed(live, link === null ? folders.read(live) : folders.readThrough(link.link, name))
  const folder = link?.folder ?? null
  const destination = folder === null ? live : join(folder, name)
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
    ...keeping(link ?? destined),
  }
}

function versionOf({ digest, mode, uid, gid }: FileVersion): FileVersion {
  return { digest, mode, uid, gid }
}

async function orStageFailed<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (cause) {
    if (cause instanceof WaxsealError) throw cause
    throw new WaxsealError('STAGE_FAILED', { path, reason: (cause as Error).message }, { cause })
  }
}

/** Whether bytes, mode and owner are there already. */
export function isInPlace({ live, after, contents }: PreparedChange): boolean {
  return live !== null && Buffer.compare(live.bytes, contents) === 0 && hasSameAccess(live, after)
}

function hasSameAccess(one: Access, other: Access): boolean {
  return one.mode === other.mode && one.uid === other.uid && one.gid === other.gid
}

import { basename } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { removeGeneration } from '../host/file/folder/generation-folder.ts'
import { inOpenFolders, type OpenFolders } from '../host/file/folder/open-folders.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { FileChange } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
import { keepersOf } from '../plan/keepers-of.ts'
import type { LinkSwitch } from '../plan/link-switch.ts'

/** `commitAll` of one target. */
export async function commitFiles(changes: ChangeSet): Promise<void> {
  await commitAll([changes])
}

/**
 * Moves the staged files of a transaction in. The old ones are kept first, so that the renames follow one another with nothing in
 * between; with a link, its rename alone makes all of its files live. Each folder is made durable once before the renames and once
 * behind them. COMMIT_FAILED may leave some files new: the caller rolls back.
 */
export async function commitAll(all: readonly ChangeSet[]): Promise<void> {
  const files = all.flatMap((changes) => changes.files)
  const links = all.flatMap(({ link }) => (link === null ? [] : [link]))
  try {
    await inOpenFolders(keepersOf(all), (folders) => commitIn(folders, files, links))
  } catch (cause) {
    if (cause instanceof WaxsealError) throw cause
    throw new WaxsealError('COMMIT_FAILED', { reason: (cause as Error).message }, { cause })
  }
}

async function commitIn(
  folders: OpenFolders,
  files: readonly FileChange[],
  links: readonly LinkSwitch[],
): Promise<void> {
  const destinations = files.map(({ destination }) => destination)
  for (const { before, destination, kept } of files) if (before !== null) await folders.keep(destination, kept)
  await Promise.all(files.map((change) => refuseIfEdited(change, folders)))
  await folders.sync(destinations)
  for (const change of files) await folders.move(change.staged, change.destination)
  await folders.sync(destinations)
  for (const link of links) await folders.move(link.staged, link.link)
  await folders.sync(links.map(({ link }) => link))
}

/** What is kept must be what was looked at: somebody may have written it since. */
async function refuseIfEdited({ before, kept, path, role }: FileChange, folders: OpenFolders): Promise<void> {
  if (before === null) return
  const snapshot = await folders.read(kept)
  if (snapshot !== null && fileDigest(role, snapshot.bytes) === before.digest) return
  throw new WaxsealError('COMMIT_FAILED', { path, reason: 'somebody else changed it meanwhile' })
}

/** Drops the old files after the new ones were proven: no key stays in a second place. */
export async function dropOldFiles(changes: ChangeSet): Promise<void> {
  const { files, link } = changes
  await inOpenFolders(keepersOf([changes]), async (folders) => {
    for (const change of files) await folders.remove(change.kept)
    await folders.sync(files.map(({ destination }) => destination))
    if (link !== null) await dropGeneration(link, files, folders)
  })
}

const generation = /^generations\/(\d{8}T\d{6}Z-[0-9a-f]{8})$/

/** The generation before this one, unless somebody has pointed the link back at it since. Nobody else's name is touched. */
async function dropGeneration(
  { link, before, folder, earlier }: LinkSwitch,
  files: readonly FileChange[],
  folders: OpenFolders,
): Promise<void> {
  const old = generation.exec(before?.replace(/\/+$/, '') ?? '')?.[1]
  const live = (await folders.readLink(link)) ?? ''
  const directory = await folders.of(link)
  if (old === undefined || directory === null || [basename(live), basename(folder)].includes(old)) return
  const names = files.map(({ destination }) => basename(destination))
  await removeGeneration(directory, old, [...new Set([...names, ...(earlier ?? [])])])
}

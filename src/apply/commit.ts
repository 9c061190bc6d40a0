import { basename, dirname, join } from 'node:path'
import { WaxsealError } from '../error/waxseal-error.ts'
import { moveFile, readSnapshot, removeFile, syncFoldersOf } from '../host/file/files.ts'
import { keepFile } from '../host/file/keep-file.ts'
import { namesIn, readLink, removeFolder } from '../host/file/links.ts'
import type { ChangeSet } from '../plan/change-set.ts'
import type { FileChange } from '../plan/file-change.ts'
import { fileDigest } from '../plan/file-digest.ts'
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
  const destinations = files.map(({ destination }) => destination)
  const links = all.flatMap(({ link }) => (link === null ? [] : [link]))
  try {
    for (const { before, destination, kept } of files) if (before !== null) await keepFile(destination, kept)
    await Promise.all(files.map(refuseIfEdited))
    await syncFoldersOf(destinations)
    for (const change of files) await moveFile(change.staged, change.destination)
    await syncFoldersOf(destinations)
    for (const link of links) await moveFile(link.staged, link.link)
    await syncFoldersOf(links.map(({ link }) => link))
  } catch (cause) {
    if (cause instanceof WaxsealError) throw cause
    throw new WaxsealError('COMMIT_FAILED', { reason: (cause as Error).message }, { cause })
  }
}

/** What is kept must be what was looked at: somebody may have written it since. */
async function refuseIfEdited({ before, kept, path, role }: FileChange): Promise<void> {
  if (before === null) return
  const snapshot = await readSnapshot(kept)
  if (snapshot !== null && fileDigest(role, snapshot.bytes) === before.digest) return
  throw new WaxsealError('COMMIT_FAILED', { path, reason: 'somebody else changed it meanwhile' })
}

/** Drops the old files after the new ones were proven: no key stays in a second place. */
export async function dropOldFiles({ files, link }: ChangeSet): Promise<void> {
  for (const change of files) await removeFile(change.kept)
  await syncFoldersOf(files.map(({ destination }) => destination))
  if (link !== null) await pruneGenerations(link)
}

const generationName = /^\d{8}T\d{6}Z-[0-9a-f]{8}$/

/** Every generation but this one, and the one that somebody may have pointed the link at since; other names stay. */
async function pruneGenerations({ link, folder }: LinkSwitch): Promise<void> {
  const generations = dirname(folder)
  const live = [basename(folder), basename((await readLink(link)) ?? '')]
  for (const name of await namesIn(generations)) {
    if (generationName.test(name) && !live.includes(name)) await removeFolder(join(generations, name))
  }
  await syncFoldersOf([folder])
}

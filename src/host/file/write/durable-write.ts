import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import {
  isCode,
  moveFile,
  moveWithoutReplacing,
  removeFile,
  siblingName,
  syncFoldersOf,
  unlessMissing,
} from '../files.ts'
import { writeNewFile } from './write-new-file.ts'

/** Replaces a file so that it is the old or the new one at every moment, and the new one for good on return (law 5). */
export async function durableWrite(path: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  await writeThrough(path, bytes, mode, moveFile)
}

/** The same, for a file whose owner, group and mode stay as they are. One that was not there is this process's; others may do no more with it than `mode` says. */
export async function durableReplace(path: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  const there = await stat(path).catch(unlessMissing)
  await writeThrough(path, bytes, there === null ? mode : there.mode & (mode | 0o770), moveFile, there ?? ownIds())
}

/** Makes a file for good; one that is there already stays as it is, and counts as made. */
export async function durableCreate(path: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  await writeThrough(path, bytes, mode, async (staged) => {
    try {
      await moveWithoutReplacing(staged, path)
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
      await removeFile(staged)
    }
  })
}

/** Makes a file for good, which must not be there: EEXIST. */
export async function durableNew(path: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  await writeThrough(path, bytes, mode, moveWithoutReplacing)
}

/** Removes a file for good. */
export async function durableRemove(path: string): Promise<void> {
  if (await removeFile(path)) await syncFoldersOf([path])
}

async function writeThrough(
  path: string,
  bytes: Uint8Array,
  mode: number,
  move: (staged: string, path: string) => Promise<void>,
  { uid, gid }: Pick<Stats, 'uid' | 'gid'> = ownIds(),
): Promise<void> {
  const staged = siblingName(path, 'new')
  try {
    await writeNewFile(staged, { bytes, mode, uid, gid })
    await move(staged, path)
  } catch (error) {
    await removeFile(staged)
    throw error
  }
  await syncFoldersOf([path])
}

function ownIds(): Pick<Stats, 'uid' | 'gid'> {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
}

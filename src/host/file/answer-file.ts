import { constants } from 'node:fs'
import { mkdir, open, unlink } from 'node:fs/promises'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Keeper } from '../../plan/keeper.ts'
import { isCode } from './files.ts'
import { type OpenFolder, openFolder } from './folder/open-folder.ts'
import { writeNewFile } from './write/write-new-file.ts'

/** Where a file is that anybody may read: below a folder that is there, in folders that may be made. */
export interface AnswerPlace {
  /** Absolute, links resolved. */
  readonly root: string
  readonly below: readonly string[]
  /** Who may write in the folders beside root; null: nobody. */
  readonly keeper: Keeper | null
}

/** Writes a file (0644) of this name in place of one that was there. PATH_NOT_ALLOWED: the root is not there, or others than root may write on the way. */
export async function writeAnswer(place: AnswerPlace, name: string, text: string): Promise<void> {
  await inPlace(place, true, async (folder) => {
    await remove(folder, name)
    const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
    await folder.run(() =>
      writeNewFile(folder.at(name), { bytes: Buffer.from(text), mode: 0o644, ...owner }, 'no list'),
    )
    await folder.sync()
  })
}

/** Removes the file of this name, if it is there. The folders stay. */
export async function removeAnswer(place: AnswerPlace, name: string): Promise<void> {
  await inPlace(place, false, (folder) => remove(folder, name))
}

const mostBytes = 1024

/** What is in this file, if it was written within so many milliseconds: what was not removed in time is no answer. Null: there is none. */
export async function readAnswer(path: string, longestMs: number): Promise<string | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null)
  if (file === null) return null
  try {
    const stats = await file.stat()
    const isFresh = Math.abs(Date.now() - stats.mtimeMs) <= longestMs
    return stats.isFile() && stats.size <= mostBytes && isFresh ? await file.readFile('latin1') : null
  } finally {
    await file.close()
  }
}

/** Makes a folder (0755), where there is none; where it cannot be made, whoever opens it says so. */
export async function makeAnswerFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o755 }).catch(() => {})
}

async function inPlace(
  { root, below, keeper }: AnswerPlace,
  mayMake: boolean,
  work: (folder: OpenFolder) => Promise<void>,
): Promise<void> {
  let folder = await openFolder(root, keeper)
  if (folder === null && mayMake)
    throw new WaxsealError('PATH_NOT_ALLOWED', { path: root, reason: 'there is no such folder' })
  for (const name of below) {
    const above: OpenFolder | null = folder
    if (above === null) return
    folder = await enter(above, name, mayMake).finally(() => above.close())
  }
  if (folder === null) return
  const last = folder
  await work(last).finally(() => last.close())
}

async function enter(above: OpenFolder, name: string, mayMake: boolean): Promise<OpenFolder | null> {
  const found = await above.open(name)
  if (found !== null || !mayMake) return found
  await above.make(name).catch((error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error
  })
  return above.open(name)
}

async function remove(folder: OpenFolder, name: string): Promise<void> {
  await folder.run(() =>
    unlink(folder.at(name)).catch((error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error
    }),
  )
}

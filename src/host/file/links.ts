import { chmod, mkdir, readdir, readlink, rmdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isCode, removeFile, syncFoldersOf } from './files.ts'

/** What a symlink says; null when there is none. Throws when something else is there. */
export async function readLink(path: string): Promise<string | null> {
  try {
    return await readlink(path)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    if (isCode(error, 'EINVAL')) throw new Error(`${path} is there, and it is no symlink`, { cause: error })
    throw error
  }
}

/** Makes a symlink where nothing is (EEXIST). */
export async function makeLink(path: string, text: string): Promise<void> {
  await symlink(text, path)
}

/** Makes a new folder (EEXIST) below one that is made where it is missing. Others may enter both. */
export async function makeNewFolder(path: string): Promise<void> {
  const isNew = (await mkdir(dirname(path), { recursive: true })) !== undefined
  if (isNew) await chmod(dirname(path), 0o755)
  await mkdir(path)
  await chmod(path, 0o755)
}

/** Undoes `makeNewFolder` for good: the folder goes with the plain files in it, and the one above it when it is empty. */
export async function removeNewFolder(path: string): Promise<void> {
  await removeFolder(path)
  const above = dirname(path)
  const isGone = await rmdir(above).then(
    () => true,
    (error: unknown) => isCode(error, 'ENOENT'),
  )
  await syncFoldersOf([isGone ? above : path]).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error
  })
}

/** Removes a folder with the plain files in it; none there is no error. A folder in it is left, and an error. */
export async function removeFolder(path: string): Promise<void> {
  for (const name of await namesIn(path)) await removeFile(join(path, name))
  try {
    await rmdir(path)
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error
  }
}

/** The names in a folder; empty when there is none. */
export async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return []
    throw error
  }
}

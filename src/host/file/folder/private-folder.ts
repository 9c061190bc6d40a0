import { chmod, lstat, mkdir, stat } from 'node:fs/promises'
import { isCode } from '../files.ts'

/** Makes a folder that only its owner can enter (0700), with its parents. */
export async function ensurePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
}

/** Makes a folder with its parents, and leaves one that is there as it is. */
export async function ensureFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 })
}

/** Whether something is at this path, and it is no folder itself: a link to one is none. */
export async function isLinkOrNoFolder(path: string): Promise<boolean> {
  try {
    return !(await lstat(path)).isDirectory()
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false
    throw error
  }
}

/** Whether there is a folder of this name that may be reached. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

import { readlink } from 'node:fs/promises'
import { isCode } from '../files.ts'

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

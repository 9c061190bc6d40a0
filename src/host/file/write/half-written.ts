import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { removeFile } from '../files.ts'

/** Removes what a crash left half written in a folder that no other process writes in. */
export async function removeHalfWritten(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    // A folder of this name is none of ours.
    if (/^\.waxseal-[0-9a-f]{24}\.new$/.test(name)) await removeFile(join(folder, name)).catch(() => {})
  }
}

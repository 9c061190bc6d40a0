import { chmod, chown, lstat, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { moveFile, removeFile, siblingName } from './files.ts'
import { foreignOnTheWayTo } from './ours.ts'
import { removeHalfWritten } from './write/half-written.ts'
import { writeNewFile } from './write/write-new-file.ts'

/**
 * Replaces a file that a group may read (0640), in a folder of this user's own that the group may enter (0750), made where it is
 * missing, and removes what a crash of another writer left half written: the caller is the only one that writes there. Throws where
 * others could change the folder, or a folder above it. It need not survive a crash.
 */
export async function writeForGroup(path: string, bytes: Uint8Array, gid: number): Promise<void> {
  const folder = dirname(path)
  await makeForGroup(folder, gid)
  await removeHalfWritten(folder)
  const staged = siblingName(path, 'new')
  try {
    await writeNewFile(staged, { bytes, mode: 0o640, uid: process.geteuid?.() ?? 0, gid })
    await moveFile(staged, path)
  } catch (error) {
    await removeFile(staged)
    throw error
  }
}

/** Makes the folder, 0750, that this group may enter. Throws where others could change it, or a folder above it. */
export async function makeForGroup(folder: string, gid: number): Promise<void> {
  const foreign = await foreignOnTheWayTo(folder)
  if (foreign !== null) throw new Error(`${foreign.reason}: ${foreign.fix}`)
  await mkdir(folder, { mode: 0o750 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const stats = await lstat(folder)
  if (!stats.isDirectory()) throw new Error(`${folder} is no folder`)
  if (stats.gid !== gid) await chown(folder, -1, gid)
  if ((stats.mode & 0o7777) !== 0o750) await chmod(folder, 0o750)
}

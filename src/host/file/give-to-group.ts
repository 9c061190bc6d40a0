import { chmod, chown, stat } from 'node:fs/promises'
import { unlessMissing } from './files.ts'

/** Has the group of a folder read this file, which stays its owner's. Without such a folder nothing is changed. */
export async function giveToGroupOf(path: string, folder: string): Promise<void> {
  const [file, like] = await Promise.all([stat(path), stat(folder).catch(unlessMissing)])
  if (like === null || like.gid === file.gid) return
  await chown(path, file.uid, like.gid)
  await chmod(path, 0o640)
}

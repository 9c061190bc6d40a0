import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Snapshot } from '../files.ts'
import { copyAttributes, dropAccessList, type Model } from './copy-attributes.ts'

/**
 * Writes a file that must not exist: owner and mode set through the descriptor, all bytes, fsync (law 5). With a model it takes over
 * the attributes of another file, which has the mode and the owner of the snapshot; `no list`: it has no access control list, whatever
 * the default list of its folder says.
 */
export async function writeNewFile(
  path: string,
  snapshot: Snapshot,
  model: Model | 'no list' | null = null,
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(path, flags, 0o600)
  try {
    const { uid, gid } = await file.stat()
    // Where nothing is to be changed the call is not made: a sandbox may forbid it.
    if (uid !== snapshot.uid || gid !== snapshot.gid) await file.chown(snapshot.uid, snapshot.gid)
    // While it is empty: beside an access control list the bits of the group are its mask, and alone they would let the group in.
    if (model === 'no list') await dropAccessList(file)
    if (model === null || model === 'no list') await file.chmod(snapshot.mode)
    else await copyAttributes(model, file, snapshot)
    await file.writeFile(snapshot.bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

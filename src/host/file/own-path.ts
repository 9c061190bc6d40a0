import { lstat, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * The path of a file with its links resolved, where nobody but root, or the agent's own user, may write it, or put another in
 * the place of it or of a folder above it. Throws the reason.
 */
export async function ownPath(path: string): Promise<string> {
  const real = await realpath(path)
  if (!(await lstat(real)).isFile()) throw new Error('it is not a regular file')
  for (let place = real; ; place = dirname(place)) {
    await refuseForeign(place, place === real)
    if (place === '/') return real
  }
}

/** In a folder with the sticky bit, such as `/tmp`, others may write names of their own, and not replace ours. */
async function refuseForeign(path: string, isFile: boolean): Promise<void> {
  const { mode, uid } = await lstat(path)
  if (uid !== 0 && uid !== process.getuid?.()) throw new Error(`${path} belongs to another user: chown root ${path}`)
  if ((mode & 0o022) === 0 || (!isFile && (mode & 0o1000) !== 0)) return
  throw new Error(`others may write ${path}: chmod go-w ${path}`)
}

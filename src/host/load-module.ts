import { lstat, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * What an ES module exports. It is run with all that the agent may do, so nobody but root, or the agent's own user, may
 * be able to write it or the folder that it is in. Throws the reason.
 */
export async function loadModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  const real = await realpath(path)
  const { mode, uid } = await lstat(real)
  if ((mode & 0o170000) !== 0o100000) throw new Error('it is not a regular file')
  refuseForeign(real, mode, uid)
  const folder = dirname(real)
  const stats = await lstat(folder)
  if ((stats.mode & 0o1000) === 0) refuseForeign(folder, stats.mode, stats.uid)
  return (await import(pathToFileURL(real).href)) as Readonly<Record<string, unknown>>
}

function refuseForeign(path: string, mode: number, uid: number): void {
  if (uid !== 0 && uid !== process.getuid?.()) throw new Error(`${path} belongs to another user: chown root ${path}`)
  if ((mode & 0o022) !== 0) throw new Error(`others may write ${path}: chmod go-w ${path}`)
}

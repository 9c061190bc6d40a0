import { isAbsolute, join } from 'node:path'
import type { HostPassword } from '../../connector/host-view.ts'
import { readSnapshot } from '../file/files.ts'
import { foreignOnTheWayTo } from '../file/ours.ts'

const maxLength = 1024

/**
 * The password that the administrator keeps in this folder under this name: one line, for nobody but its owner. A name is
 * never a path, so that who names it cannot leave the folder.
 */
export async function readPassword(folder: string, name: string): Promise<HostPassword> {
  if (!/^[A-Za-z0-9][A-Za-z0-9@._-]{0,99}$/.test(name) || !isAbsolute(folder))
    return { reason: 'it is no name of a password' }
  const path = join(folder, name)
  try {
    const file = await readSnapshot(path)
    if (file === null) return { reason: `this host keeps no such password: ${path} is not there` }
    if ((file.mode & 0o077) !== 0) return { reason: `${path} is open to others: chmod 600 ${path}` }
    const foreign = await foreignOnTheWayTo(path)
    if (foreign !== null) return { reason: `${foreign.reason}: ${foreign.fix}` }
    if (file.bytes.length > maxLength) return { reason: `${path} is longer than ${maxLength} bytes` }
    return {
      password: Buffer.from(file.bytes)
        .toString('utf8')
        .replace(/\r?\n$/, ''),
    }
  } catch (error) {
    return { reason: `${path} cannot be read: ${(error as Error).message}` }
  }
}

import { isCode, readSnapshot } from './files.ts'
import { ownPath } from './link/own-path.ts'

const mostBytes = 64 * 1024

/**
 * The bytes of a secret that root, or our own user, has put there; null: there is no such file. Its group may read it, so that a service
 * without rights can. Throws the reason, with the command that mends it: others may read it, or change it.
 */
export async function readSecret(path: string): Promise<Uint8Array | null> {
  try {
    const real = await ownPath(path)
    const secret = await readSnapshot(real, mostBytes)
    if (secret !== null && (secret.mode & 0o007) !== 0) throw new Error(`all users can read ${real}: chmod o= ${real}`)
    return secret?.bytes ?? null
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    throw error
  }
}

import { WaxsealError } from '../error/waxseal-error.ts'
import { readBounded } from '../host/read-bounded.ts'

/** The PEM of a CA file; null without one: the system's roots. */
export async function readCa(file: string | null): Promise<string | null> {
  if (file === null) return null
  const bytes = await readBounded(file, 1024 * 1024).catch(() => null)
  if (bytes !== null) return Buffer.from(bytes).toString('utf8')
  throw new WaxsealError('CONFIG_INVALID', { path: 'control_plane.ca_file', file, reason: 'it cannot be read' })
}

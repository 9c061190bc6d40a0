import { WaxsealError } from '../error/waxseal-error.ts'
import { readBounded } from '../host/read-bounded.ts'

/** The PEM of a CA file; null without one: the system's roots. `path` is where the file was named. */
export async function readCa(file: string | null, path = 'control_plane.ca_file'): Promise<string | null> {
  if (file === null) return null
  const bytes = await readBounded(file, 1024 * 1024).catch(() => null)
  if (bytes === null) throw new WaxsealError('CONFIG_INVALID', { path, file, reason: 'it cannot be read' })
  const pem = Buffer.from(bytes).toString('utf8')
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  throw new WaxsealError('CONFIG_INVALID', { path, file, reason: 'it holds no certificate (PEM)' })
}

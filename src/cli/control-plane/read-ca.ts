import { WaxsealError } from '../../error/waxseal-error.ts'
import { readBounded } from '../../host/file/read-bounded.ts'
import { systemRoots } from '../../host/system-roots.ts'

/** The certificates of a CA file, and nothing else that it holds; null without one: the system's roots. `path` is where it was named. */
export async function readCa(file: string | null, path = 'control_plane.ca_file'): Promise<string | null> {
  if (file === null) return null
  const bytes = await readBounded(file, 1024 * 1024).catch(() => null)
  if (bytes === null) throw new WaxsealError('CONFIG_INVALID', { path, file, reason: 'it cannot be read' })
  const certificates = Buffer.from(bytes).toString('utf8').match(certificateBlock) ?? []
  if (certificates.length > 0) return `${certificates.join('\n')}\n`
  throw new WaxsealError('CONFIG_INVALID', { path, file, reason: 'it holds no certificate (PEM)' })
}

/** The roots of this host, as one PEM text: named, so that no other ones are taken beside them (`NODE_EXTRA_CA_CERTS`). */
export function hostRoots(): string {
  return systemRoots().join('\n')
}

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

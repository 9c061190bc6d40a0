import type { WiredFile } from '../wiring/wiring.ts'
import { listOf } from './list-of.ts'
import type { Settings } from './read-services.ts'

/** The default pairs of a server: `*_tls_chain_files` takes the place of all others; a key file that is not set is the certificate file. */
export function filesOf(settings: Settings, server: 'smtpd' | 'tlsproxy'): readonly WiredFile[] {
  const chains = listOf(settings[`${server}_tls_chain_files`]).filter((path) => path.startsWith('/'))
  if (chains.length > 0) return chains.map((path) => ({ path, role: 'bundle' }))
  return [
    ...pairOf(settings[`${server}_tls_cert_file`], settings[`${server}_tls_key_file`]),
    ...pairOf(settings[`${server}_tls_eccert_file`], settings[`${server}_tls_eckey_file`]),
  ]
}

function pairOf(certificate: string, key: string): readonly WiredFile[] {
  if (!certificate.startsWith('/')) return []
  if (!key.startsWith('/') || key === certificate) return [{ path: certificate, role: 'bundle' }]
  return [
    { path: certificate, role: 'certificate' },
    { path: key, role: 'key' },
  ]
}

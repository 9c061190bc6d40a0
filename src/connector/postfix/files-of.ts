import type { WiredFile } from '../wiring/wiring.ts'
import { listOf } from './list-of.ts'
import type { Settings } from './read-services.ts'

/** The default pairs of a server: `*_tls_chain_files` takes the place of all others; a key file that is not set is the certificate file. */
export function filesOf(settings: Settings, server: 'smtpd' | 'tlsproxy'): readonly WiredFile[] {
  const { queue_directory: folder } = settings
  const chains = listOf(settings[`${server}_tls_chain_files`]).map((path) => absolute(path, folder))
  if (chains.length > 0) return chains.map((path) => ({ path, role: 'bundle' }))
  return [
    ...pairOf(settings[`${server}_tls_cert_file`], settings[`${server}_tls_key_file`], folder),
    ...pairOf(settings[`${server}_tls_eccert_file`], settings[`${server}_tls_eckey_file`], folder),
  ]
}

/** `none` is no certificate. */
function pairOf(certificate: string, key: string, folder: string): readonly WiredFile[] {
  if (certificate === '' || certificate === 'none') return []
  const path = absolute(certificate, folder)
  if (key === '' || key === certificate) return [{ path, role: 'bundle' }]
  return [
    { path, role: 'certificate' },
    { path: absolute(key, folder), role: 'key' },
  ]
}

/** A server opens its files from within `queue_directory`, before it goes into a chroot. */
function absolute(path: string, folder: string): string {
  return path.startsWith('/') ? path : `${folder}/${path}`
}

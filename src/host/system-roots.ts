import { getCACertificates } from 'node:tls'

/** The roots that this host trusts, PEM, each once; those that Node brings along where the host has none. */
export function systemRoots(): readonly string[] {
  const own = getCACertificates('system')
  return own.length > 0 ? [...new Set(own)] : getCACertificates('bundled')
}

import { getCACertificates } from 'node:tls'

/** The roots that this host trusts, PEM; those that Node brings along where the host has none. */
export function systemRoots(): readonly string[] {
  const own = getCACertificates('system')
  return own.length > 0 ? own : getCACertificates('bundled')
}

import { X509Certificate } from 'node:crypto'
import { isAddressOrNetwork } from '../../host/socket/address-set.ts'
import { alternativeNames } from '../../material/alternative-names.ts'
import { readVersion } from '../authority/read-version.ts'
import type { SigningRequest } from './issuer.ts'

/**
 * Why what somebody signed is not what was asked for, for a person; null: it is. A host would refuse it, and as the newest version it would
 * be in the way of the one that another issuer signs.
 */
export function whyUnfit(pem: string, { names, spki, at }: SigningRequest): string | null {
  try {
    const version = readVersion(pem)
    const lacking = namesLacking(new X509Certificate(pem), names)
    if (version.spki !== spki) return 'it is not for the key of the CSR'
    if (lacking.length > 0) return `it is not for ${lacking.join(', ')}`
    return version.notAfter > at ? null : 'it is past its end'
  } catch {
    return 'it is no certificate'
  }
}

function namesLacking(leaf: X509Certificate, wanted: readonly string[]): readonly string[] {
  const signed = alternativeNames(leaf.subjectAltName ?? '').map((name) => name.toLowerCase())
  return wanted.filter((name) =>
    isAddressOrNetwork(name) ? leaf.checkIP(name) === undefined : !signed.includes(name.toLowerCase()),
  )
}

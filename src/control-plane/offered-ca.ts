import { X509Certificate } from 'node:crypto'
import { longestTrust } from '../documents/membership.ts'

/** More than any server has at a time: one that signs, the next, and some that have not ended. */
const mostCas = 8

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/**
 * The certificates of CAs in what a server hands out, written in one way; null: it is nothing that could be trusted, or more than a
 * server can need. What is no CA, or has ended at `now` (milliseconds since 1970), is left out.
 */
export function usableCas(pem: string, now: number): string | null {
  if (pem.length > longestTrust) return null
  const blocks = pem.match(block) ?? []
  if (blocks.length > mostCas) return null
  const cas = [...new Set(blocks)].flatMap((one) => certificateIn(one) ?? [])
  const usable = cas.filter(({ ca, validToDate }) => ca && validToDate.getTime() > now)
  return usable.length === 0 ? null : usable.map(String).join('')
}

/** Whether `pem` has a certificate that `trusted` lacks. */
export function isBeyond(pem: string, trusted: string): boolean {
  const known = new Set(fingerprints(trusted))
  return fingerprints(pem).some((one) => !known.has(one))
}

/** Whether both have a certificate in common. */
export function isSharing(pem: string, trusted: string): boolean {
  const known = new Set(fingerprints(trusted))
  return fingerprints(pem).some((one) => known.has(one))
}

function fingerprints(pem: string): readonly string[] {
  return (pem.match(block) ?? []).flatMap((one) => certificateIn(one)?.fingerprint256 ?? [])
}

function certificateIn(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem)
  } catch {
    return null
  }
}

import { X509Certificate } from 'node:crypto'
import type { Certificate } from './material.ts'

/** Roots by their subject. */
export type TrustedRoots = ReadonlyMap<string, readonly X509Certificate[]>

/** More issuers stand in no chain that a client takes. */
const longestPath = 10

/** PEM blocks as roots; what cannot be read is none. */
export function parseRoots(pems: readonly string[]): TrustedRoots {
  const roots = new Map<string, X509Certificate[]>()
  for (const pem of pems) {
    const root = parsed(pem)
    if (root !== null) roots.set(root.subject, [...(roots.get(root.subject) ?? []), root])
  }
  return roots
}

/**
 * Whether a client that has these roots finds a way to one of them now: each certificate of it signed by the next, in its time, and
 * every issuer a CA (RFC 5280 §6.1). Constraints on names and lengths, and revocation, are not looked at.
 */
export function isTrustedBy(
  roots: TrustedRoots,
  [leaf, ...issuers]: readonly Pick<Certificate, 'der'>[],
  now: number,
): boolean {
  const start = leaf === undefined ? null : parsed(leaf.der)
  if (start === null) return false
  return leadsToRoot(
    start,
    issuers.flatMap(({ der }) => parsed(der) ?? []),
    roots,
    now,
    longestPath,
  )
}

function leadsToRoot(
  child: X509Certificate,
  issuers: readonly X509Certificate[],
  roots: TrustedRoots,
  now: number,
  left: number,
): boolean {
  if (!isInTime(child, now) || left === 0) return false
  if ((roots.get(child.subject) ?? []).some(({ fingerprint256 }) => fingerprint256 === child.fingerprint256))
    return true
  if ((roots.get(child.issuer) ?? []).some((root) => isInTime(root, now) && hasSigned(root, child))) return true
  return issuers
    .filter((issuer) => issuer.ca && hasSigned(issuer, child))
    .some((issuer) =>
      leadsToRoot(
        issuer,
        issuers.filter((other) => other !== issuer),
        roots,
        now,
        left - 1,
      ),
    )
}

function isInTime({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now <= validToDate.getTime()
}

function hasSigned(issuer: X509Certificate, child: X509Certificate): boolean {
  try {
    return child.checkIssued(issuer) && child.verify(issuer.publicKey)
  } catch {
    return false
  }
}

function parsed(certificate: Uint8Array | string): X509Certificate | null {
  try {
    return new X509Certificate(certificate)
  } catch {
    return null
  }
}

import { createHash, X509Certificate } from 'node:crypto'
import type { Certificate } from './material.ts'

/** Roots by their subject. */
export type TrustedRoots = ReadonlyMap<string, readonly X509Certificate[]>

/** More certificates stand above no leaf that a client takes. */
const mostReached = 50

/** PEM blocks, or DER, as roots; what cannot be read is none. */
export function parseRoots(certificates: readonly (string | Uint8Array)[]): TrustedRoots {
  const roots = new Map<string, X509Certificate[]>()
  for (const certificate of certificates) {
    const root = parsed(certificate)
    if (root !== null) roots.set(root.subject, [...(roots.get(root.subject) ?? []), root])
  }
  return roots
}

/** A certificate above a leaf. */
export interface Issuer {
  /** SHA-256 of its public key (SPKI), hex. */
  readonly spkiSha256: string
}

/**
 * Whether a client that has these roots finds a way to one of them now: each certificate of it signed by the next, in its time, and
 * every issuer a CA (RFC 5280 §6.1). Constraints on names and lengths, and revocation, are not looked at.
 */
export function isTrustedBy(
  roots: TrustedRoots,
  certificates: readonly Pick<Certificate, 'der'>[],
  now: number,
): boolean {
  return wayUp(roots, certificates, now).some(({ isRoot }) => isRoot)
}

/** What stands above a leaf: each that has signed it, or one that stands above it; in its time, and a CA. Roots are the given ones. */
export function issuersAbove(
  roots: TrustedRoots,
  certificates: readonly Pick<Certificate, 'der'>[],
  now: number,
): readonly Issuer[] {
  return wayUp(roots, certificates, now).flatMap(({ x509, isLeaf }) => (isLeaf ? [] : [{ spkiSha256: spkiOf(x509) }]))
}

interface Reached {
  readonly x509: X509Certificate
  readonly isLeaf: boolean
  readonly isRoot: boolean
}

/** The leaf, and all that is reached from it. Each certificate is gone on from once: those that have signed each other have no end of ways. */
function wayUp(
  roots: TrustedRoots,
  [leaf, ...issuers]: readonly Pick<Certificate, 'der'>[],
  now: number,
): readonly Reached[] {
  const start = leaf === undefined ? null : parsed(leaf.der)
  if (start === null || !isInTime(start, now)) return []
  const brought = issuers.flatMap(({ der }) => parsed(der) ?? []).filter((issuer) => issuer.ca && isInTime(issuer, now))
  const reached = new Map<string, Reached>([[start.fingerprint256, reachedAt(start, true, roots)]])
  for (const { x509: child, isRoot } of reached.values()) {
    if (isRoot || reached.size > mostReached) continue
    const known = (roots.get(child.issuer) ?? []).filter((root) => isInTime(root, now))
    for (const parent of [...known, ...brought]) {
      if (reached.has(parent.fingerprint256) || !hasSigned(parent, child)) continue
      reached.set(parent.fingerprint256, reachedAt(parent, false, roots))
    }
  }
  return [...reached.values()]
}

function reachedAt(x509: X509Certificate, isLeaf: boolean, roots: TrustedRoots): Reached {
  const isRoot = (roots.get(x509.subject) ?? []).some(({ fingerprint256 }) => fingerprint256 === x509.fingerprint256)
  return { x509, isLeaf, isRoot }
}

function spkiOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
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

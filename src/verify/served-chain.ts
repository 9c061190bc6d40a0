import { createHash, X509Certificate } from 'node:crypto'
import type { ChainVerdict } from '../outcome/outcome.ts'

/** SHA-256 of a certificate's DER, lower-case hex. */
export function digestOf(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex')
}

/**
 * What came after the leaf against the chain that was deployed: digests, roots left out; null: none was given with the leaf.
 * A root at the end may come or not. Other certificates, and another order, are `surplus`: clients have to cope with
 * both (RFC 8446 §4.4.2), and only a setting of the daemon's own can bring them.
 */
export function judgeChain(served: readonly Uint8Array[], expected: readonly string[] | null): ChainVerdict {
  const [, ...rest] = served
  if (expected === null) return isChained(served) || isOwnIssuer(served[0]) ? 'complete' : 'missing'
  const last = rest.at(-1)
  const digests = (isOwnIssuer(last) ? rest.slice(0, -1) : rest).map(digestOf)
  const missing = expected.filter((digest) => !digests.includes(digest))
  if (missing.length > 0) return missing.length === expected.length ? 'missing' : 'incomplete'
  return digests.join() === expected.join() ? 'complete' : 'surplus'
}

/** Whether an issuer of the leaf that is no root came with it: clients that do not know it can build the chain. */
export function isChained([leaf, ...rest]: readonly Uint8Array[]): boolean {
  const child = parsed(leaf)
  if (child === null) return false
  return rest.some((der) => {
    const issuer = parsed(der)
    return issuer !== null && !isOwnIssuer(der) && child.checkIssued(issuer)
  })
}

function isOwnIssuer(der: Uint8Array | undefined): boolean {
  const certificate = parsed(der)
  return certificate !== null && certificate.subject === certificate.issuer
}

/** Null: nobody can read it; then it is no part of a chain. */
function parsed(der: Uint8Array | undefined): X509Certificate | null {
  try {
    return der === undefined ? null : new X509Certificate(der)
  } catch {
    return null
  }
}

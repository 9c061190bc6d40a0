import { X509Certificate } from 'node:crypto'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { Certificate } from './material.ts'

/** Certificates as a server sends them. */
export interface Arranged {
  readonly leaf: Certificate
  /** Each has issued one that stands before it. */
  readonly chain: readonly Certificate[]
  /** Whether they came in another order. */
  readonly isReordered: boolean
}

/**
 * Leaf first, then its issuers (RFC 8446 §4.4.2). What is there twice, byte for byte, is there once. An order in which each
 * certificate has issued an earlier one stays, cross-signed ones beside each other and a root at the end included; any other
 * order behind the leaf is sorted. CHAIN_BROKEN: the leaf is not the first, or a certificate has no place.
 */
export function arrangeChain(given: readonly Certificate[]): Arranged {
  const nodes = once(given).map((certificate) => ({ certificate, x509: new X509Certificate(certificate.der) }))
  const leaf = leafOf(nodes)
  const chain = nodes.filter((node) => node !== leaf)
  const isInOrder = chain.every((node, index) => hasIssuedAny(node, nodes.slice(0, index + 1)))
  const sorted = isInOrder ? chain : sort(leaf, chain)
  return { leaf: leaf.certificate, chain: sorted.map(({ certificate }) => certificate), isReordered: !isInOrder }
}

interface Node {
  readonly certificate: Certificate
  readonly x509: X509Certificate
}

function once(certificates: readonly Certificate[]): readonly Certificate[] {
  const digests = certificates.map(({ sha256 }) => sha256)
  return certificates.filter(({ sha256 }, index) => digests.indexOf(sha256) === index)
}

/** Which key is looked for depends on it, so it is never guessed. */
function leafOf([first, ...others]: readonly Node[]): Node {
  if (first === undefined) throw new WaxsealError('MATERIAL_INVALID', { what: 'certificate', reason: 'it is empty' })
  if (!first.certificate.isCa || others.every(({ certificate }) => certificate.isCa)) return first
  throw new WaxsealError('CHAIN_BROKEN', {
    reason: 'the leaf is not the first certificate',
    first: first.certificate.subject,
    hint: 'Put the leaf first, then its issuer, then the issuer of that one: cat LEAF CHAIN > NEW.pem',
  })
}

/** Issuers of what is there so far, in the order in which they came, until none is left. */
function sort(leaf: Node, chain: readonly Node[]): readonly Node[] {
  const placed: Node[] = []
  for (let rest = chain; rest.length > 0; rest = chain.filter((node) => !placed.includes(node))) {
    const next = rest.filter((node) => hasIssuedAny(node, [leaf, ...placed]))
    if (next.length === 0) throw strayed(rest[0] ?? leaf, leaf)
    placed.push(...next)
  }
  return placed
}

function strayed({ certificate }: Node, leaf: Node): WaxsealError {
  return new WaxsealError('CHAIN_BROKEN', {
    reason: 'a certificate has issued neither the leaf nor one of its issuers, or a signature is wrong',
    stray: certificate.subject,
    leaf: leaf.certificate.subject,
    issuer: leaf.certificate.issuer,
    hint: 'Take that certificate out, or get the chain of this leaf from its CA.',
  })
}

function hasIssuedAny(parent: Node, children: readonly Node[]): boolean {
  return children.some((child) => child !== parent && isIssuedBy(child.x509, parent.x509))
}

function isIssuedBy(child: X509Certificate, parent: X509Certificate): boolean {
  try {
    return child.checkIssued(parent) && child.verify(parent.publicKey)
  } catch {
    return false
  }
}

/** Whether one has signed the other, and says so. */
export function hasIssued(issuer: Certificate, { der }: Certificate): boolean {
  return isIssuedBy(new X509Certificate(der), new X509Certificate(issuer.der))
}

/** Whether a certificate is signed with its own key, which its keyUsage may well forbid. */
export function isSelfSigned({ der, subject, issuer }: Certificate): boolean {
  if (subject !== issuer) return false
  const x509 = new X509Certificate(der)
  try {
    return x509.verify(x509.publicKey)
  } catch {
    return false
  }
}

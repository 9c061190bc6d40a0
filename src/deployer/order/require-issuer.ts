import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Certificate, Material } from '../../material/material.ts'
import { parseCertificates } from '../../material/parse-certificate.ts'
import { issuersAbove, type TrustedRoots } from '../../material/trusted-by.ts'
import type { StandingOrder } from '../../order/standing-order.ts'
import { requireName } from './require-order.ts'

/** An order, and certificates that came with it: what they say counts only where one of them has signed. */
interface Ordered {
  readonly order: StandingOrder
  readonly issuersPem?: string | undefined
}

/**
 * Holds a certificate against the order of its job. ORDER_EXCEEDED: it has a name that the order has not, or none of the issuers of the
 * order stands above it: in its chain, among the roots of the system, or sent along; each certificate is signed by the one above.
 */
export function requireOrdered(
  { leaf, chain }: Pick<Material, 'leaf' | 'chain'>,
  { order, issuersPem = '' }: Ordered,
  roots: () => TrustedRoots,
  now: number,
): void {
  for (const name of leaf.names) requireName(name, order)
  if ('any' in order.issuer) return
  const wanted = order.issuer.spki_sha256
  const brought = [leaf, ...chain, ...certificatesIn(issuersPem)]
  const above = issuersAbove(roots(), brought, now).map(({ spkiSha256 }) => spkiSha256)
  if (above.some((digest) => wanted.includes(digest))) return
  throw new WaxsealError('ORDER_EXCEEDED', {
    target: order.target.name,
    reason: 'none of the issuers of the order stands above the certificate',
    issuer: leaf.issuer,
    issuers: [...new Set(above)],
    ordered: wanted,
  })
}

/** What cannot be read is none. */
function certificatesIn(pem: string): readonly Certificate[] {
  try {
    return pem === '' ? [] : parseCertificates(pem, 'chain')
  } catch {
    return []
  }
}

import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Material } from '../../material/material.ts'
import { issuersAbove, type TrustedRoots } from '../../material/trusted-by.ts'
import type { StandingOrder } from '../../order/standing-order.ts'
import { requireName } from './require-order.ts'

/**
 * Holds a certificate against the order of its job. ORDER_EXCEEDED: it has a name that the order has not, or none of the issuers of the
 * order stands above it: in its chain, or among the roots of the system, each certificate signed by the one above.
 */
export function requireOrdered(
  { leaf, chain }: Pick<Material, 'leaf' | 'chain'>,
  order: StandingOrder,
  roots: () => TrustedRoots,
  now: number,
): void {
  for (const name of leaf.names) requireName(name, order)
  if ('any' in order.issuer) return
  const wanted = order.issuer.spki_sha256
  const above = issuersAbove(roots(), [leaf, ...chain], now).map(({ spkiSha256 }) => spkiSha256)
  if (above.some((digest) => wanted.includes(digest))) return
  throw new WaxsealError('ORDER_EXCEEDED', {
    target: order.target.name,
    reason: 'none of the issuers of the order stands above the certificate',
    issuer: leaf.issuer,
    issuers: [...new Set(above)],
    ordered: wanted,
  })
}

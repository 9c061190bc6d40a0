import type { Membership } from '../documents/membership.ts'
import type { BasisOf } from './basis-of.ts'
import { isBeyond, isSharing, usableCas } from './offered-ca.ts'

/** The CAs that are trusted beside the configured ones, because the server has handed them out. */
export interface FollowedCas {
  /** Trusts what was kept, if it was kept for what is configured; else the configured ones alone. */
  adopt(kept: Membership['trust']): void
  /**
   * Of CAs that this server handed out, what can be trusted (PEM), and whether it is beyond what is configured. Null: nothing, or none of
   * them is one that is trusted already: then another server, a proxy that ends the connection, has the CA that counts.
   */
  judge(caPem: string, now: number): { readonly usable: string; readonly isBeyond: boolean } | null
}

/** `basis`: what CAs have to be kept for. `trustAlso`: has connections trust these (PEM), too; null: no others. */
export function followCas(
  { ca }: Pick<BasisOf, 'ca'>,
  basis: string | null,
  trustAlso: (caPem: string | null) => void,
): FollowedCas {
  const configured = ca ?? ''
  let added = ''
  return {
    adopt: (kept) => {
      added = kept !== null && kept.basis === basis ? kept.ca : ''
      trustAlso(added === '' ? null : added)
    },
    judge: (caPem, now) => {
      const usable = usableCas(caPem, now)
      if (usable === null || !isSharing(usable, `${configured}\n${added}`)) return null
      return { usable, isBeyond: isBeyond(usable, configured) }
    },
  }
}

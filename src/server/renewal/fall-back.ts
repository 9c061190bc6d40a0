import type { VersionRow } from '../store/rows.ts'

const hourMs = 3_600_000
const shareOfRest = 1 / 10
/** A first certificate is waited for no longer than twenty failures take. */
const firstPatienceMs = 3 * hourMs

/** When the next issuer of a certificate's list is asked, too; null: as for all. */
export interface FallBackRule {
  /** After so many failures in a row. */
  readonly fallBackAfter: number | null
  /** From this share of the life on of what is to be replaced. */
  readonly fallBackShare: number | null
}

/**
 * What holds where a certificate says nothing. Twenty failures are a day of a long life, half a day of six days, and three hours where
 * a first certificate is waited for. Behind the share a fifth of the life is left for the next issuer.
 */
export const fallBackDefaults = { after: 20, share: 0.8 } as const

/** Behind it there is time for another issuer. */
export const fallBackShares = { most: 0.95 } as const

/** What one issuer did with one CSR. Milliseconds since 1970. */
export interface IssuerTry {
  readonly failures: number
  /** When it was asked first. */
  readonly firstAt: number
  /** When it is asked again. */
  readonly nextAt: number
  /** It has not failed: it goes on then. */
  readonly isWaiting: boolean
}

/**
 * Whether the next issuer is asked as well. `life`: of what is to be replaced; null: nothing. One that works on it is given time, also
 * behind the share: a host that was away for long is no reason for another issuer. One that will not go on before the share of the
 * life, for it has given all that it gives (its limits), is not waited for.
 */
export function isPassedOver(
  { failures, firstAt, nextAt, isWaiting }: IssuerTry,
  life: Pick<VersionRow, 'notBefore' | 'notAfter'> | null,
  { fallBackAfter, fallBackShare }: FallBackRule,
  now: number,
): boolean {
  if (failures >= (fallBackAfter ?? fallBackDefaults.after)) return true
  if (life === null) return isWaiting && (nextAt - now > hourMs || now - firstAt > firstPatienceMs)
  const share = fallBackShare ?? fallBackDefaults.share
  const from = life.notBefore + Math.max(0, life.notAfter - life.notBefore) * share
  const patienceMs = Math.max(0, Math.min(hourMs, (life.notAfter - now) * shareOfRest))
  if (isWaiting && nextAt > from && nextAt - now > patienceMs) return true
  return now >= from && (failures > 0 || now - firstAt >= patienceMs)
}

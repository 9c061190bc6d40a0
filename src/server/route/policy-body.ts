import type { CertificateRow } from '../store/rows.ts'
import type { RenewalPolicy } from '../store/store.ts'

/** How a certificate is renewed, on the wire. */
export interface PolicyBody {
  /** Null: by the rule of all. */
  readonly renew_share?: number | null
  /** Empty: all of them, in their order. */
  readonly issuers?: readonly string[]
  readonly key_policy?: CertificateRow['keyPolicy']
  /** Null: as the host makes them. */
  readonly key_type?: CertificateRow['keyType']
  /** Null: as for all. */
  readonly fall_back_after?: number | null
  readonly fall_back_share?: number | null
}

/** What was said of it. */
export function policyIn({
  renew_share,
  issuers,
  key_policy,
  key_type,
  fall_back_after,
  fall_back_share,
}: PolicyBody): Partial<RenewalPolicy> {
  return {
    ...(renew_share === undefined ? {} : { renewShare: renew_share }),
    ...(issuers === undefined ? {} : { issuers }),
    ...(key_policy === undefined ? {} : { keyPolicy: key_policy }),
    ...(key_type === undefined ? {} : { keyType: key_type }),
    ...(fall_back_after === undefined ? {} : { fallBackAfter: fall_back_after }),
    ...(fall_back_share === undefined ? {} : { fallBackShare: fall_back_share }),
  }
}

/** The same way back. */
export function policyOnWire({
  renewShare,
  issuers,
  keyPolicy,
  keyType,
  fallBackAfter,
  fallBackShare,
}: RenewalPolicy): Required<PolicyBody> {
  return {
    renew_share: renewShare,
    issuers,
    key_policy: keyPolicy,
    key_type: keyType,
    fall_back_after: fallBackAfter,
    fall_back_share: fallBackShare,
  }
}

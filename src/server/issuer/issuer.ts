import type { Rate } from '../renewal/within-rate.ts'
import type { VersionRow } from '../store/rows.ts'

/** What an issuer is to sign. */
export interface SigningRequest {
  /** Of what is signed: the same at each step and each try, on any server. */
  readonly id: string
  readonly certificateId: string
  readonly csrPem: string
  /** SHA-256 of its public key (SPKI), hex. */
  readonly spki: string
  /** All names of the certificate: those of the CSR have been compared with them. */
  readonly names: readonly string[]
  readonly validityDays: number
  /** The newest version, whose place it takes; null: it is the first. */
  readonly replaces: VersionRow | null
  /** Milliseconds since 1970, UTC. */
  readonly at: number
}

/**
 * How far an issuer is. `waits`: it goes on when it is asked again, from `untilMs` (milliseconds since 1970) on, by whichever server; that is
 * no failure. `reason`: what it waits for, for a person.
 */
export type SignStep =
  /** PEM, leaf and chain. */
  | { readonly state: 'signed'; readonly pem: string }
  | { readonly state: 'waits'; readonly untilMs: number; readonly reason: string }

/** When an issuer would have a certificate renewed (RFC 9773). Milliseconds since 1970, UTC. */
export interface RenewalInfo {
  readonly start: number
  readonly end: number
  /** When to ask again, in milliseconds (Retry-After); null: it did not say. */
  readonly askAgainMs: number | null
  /** A page that says why; null: there is none. */
  readonly explanation: string | null
}

/** Why a certificate is revoked (RFC 5280, 5.3.1). */
export type RevocationReason = 'unspecified' | 'keyCompromise' | 'superseded' | 'cessationOfOperation'

/** Who signs certificates. Any server may ask, at any time, and may end in the middle: what an issuer has to remember it keeps in the store. */
export interface Issuer {
  /** As it stands in a certificate's list of issuers, and at each version. */
  readonly name: string
  /** Somebody else signs, so that it takes its time and holds up no other CSR. */
  readonly isRemote?: true
  /** So many orders it takes in each stretch of time, as far as it counts them; null: any number. */
  readonly limits?: { readonly orders: Rate | null }
  /** Does what can be done now. It fails with any error: another issuer, or a later try, may do it. */
  sign(request: SigningRequest): Promise<SignStep>
  /** Has a version of its own taken for invalid. One that is revoked already is no failure. Left out: our own list of what is revoked says it. */
  revoke?(version: VersionRow, reason: RevocationReason): Promise<void>
  /** When it would have this version of its own renewed; null: it has nothing to say about it. */
  renewalInfo?(version: VersionRow): Promise<RenewalInfo | null>
}

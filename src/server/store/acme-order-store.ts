import type { AcmeLimits } from '../config/server-config.ts'

/** How one name of an ACME order is proven. */
export interface AcmeProof {
  /** As it was ordered, without `*.`. */
  readonly name: string
  readonly isWildcard: boolean
  readonly kind: 'dns' | 'http'
  /** URL of the challenge at the CA. */
  readonly challenge: string
  readonly token: string
  /** What is published: the text of the TXT record, or the key authorization. */
  readonly value: string
  /** Where: the name of the record, or the id of the host's job; null: it is not known yet. */
  readonly place: string | null
  /** Milliseconds since 1970; null: not yet. */
  readonly publishedAt: number | null
  readonly answeredAt: number | null
  readonly isRemoved: boolean
}

/** One order at a CA, as far as it is. Times are milliseconds since 1970, UTC. */
export interface AcmeOrderRow {
  readonly id: string
  readonly signingId: string
  readonly issuer: string
  readonly certificateId: string
  /** In the order of the alphabet, with blanks between them. */
  readonly names: string
  readonly state: 'open' | 'issued' | 'failed'
  /** Null: the CA has not been asked, or its answer was lost. */
  readonly url: string | null
  readonly proofs: readonly AcmeProof[]
  /** Names whose proof the CA did not find, each with blanks around it. */
  readonly failedNames: string
  readonly error: string | null
  readonly createdAt: number
  readonly endedAt: number | null
  /** Until then one server has it. */
  readonly leaseUntil: number | null
  /** When what it has published is removed; null: nothing of it is published. */
  readonly tidyAt: number | null
}

/** A limit that has no room for an order, and until when. `of`: the name or domain that it is counted by; null: by all, or all names. */
export interface FullLimit {
  readonly limit: keyof AcmeLimits
  readonly of: string | null
  readonly untilMs: number
}

/** An order that may be placed, or the limit that it would be beyond. */
export type Begun = { readonly order: AcmeOrderRow } | FullLimit

/** How much of a limit is used, and by which names, or which domain. */
export interface UsedLimit {
  readonly names: string
  readonly used: number
}

/** Orders at CAs. An order has one row from before the CA is asked until long after its end: limits are counted by them. */
export interface AcmeOrderStore {
  open(signingId: string, issuer: string): Promise<AcmeOrderRow | null>
  /**
   * Adds this one, if each limit has room for it; servers that begin at once are counted one after the other. One that is open already is
   * returned. `domains`: the registered domains that it counts for, unless a certificate for the same names was issued before.
   */
  begin(order: AcmeOrderRow, limits: AcmeLimits, domains: readonly string[]): Promise<Begun>
  /** Null: another server has it, or it is not open. */
  lease(id: string, at: number, until: number): Promise<AcmeOrderRow | null>
  /** Has a lease that lasts until then last longer; one that another server has taken since stays. */
  extend(id: string, until: number, later: number): Promise<void>
  /** Lets go of a lease that lasts until then; one that another server has taken since stays. */
  release(id: string, until: number): Promise<void>
  /** What is left out stays. */
  save(id: string, fields: Partial<Pick<AcmeOrderRow, 'url' | 'proofs' | 'tidyAt'>>): Promise<void>
  fail(id: string, at: number, fields: Partial<Pick<AcmeOrderRow, 'failedNames' | 'error'>>): Promise<void>
  /** Ends as issued the one of this CSR that is open at this issuer, if there is one. In the transaction that keeps its version. */
  issued(signingId: string, issuer: string, at: number): Promise<void>
  /** Open ones whose CSR nobody waits for any more end as failed. */
  endUnwanted(at: number): Promise<void>
  /** Those of an issuer that have ended, and of which something is published still; put off to `until`. */
  untidy(issuer: string, at: number, until: number, limit: number): Promise<readonly AcmeOrderRow[]>
  /** Orders of this issuer since then. */
  count(issuer: string, since: number): Promise<number>
  /** The sets of names of which most certificates were issued since then. */
  mostIssued(issuer: string, since: number, limit: number): Promise<readonly UsedLimit[]>
  /** The registered domains that most certificates counted for which were issued since then. */
  mostOfDomain(issuer: string, since: number, limit: number): Promise<readonly UsedLimit[]>
  /** Removes what ended before this time. */
  forget(before: number): Promise<void>
}

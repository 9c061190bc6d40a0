/** What the issuer of a version says about its renewal (RFC 9773). Times are milliseconds since 1970, UTC. */
export interface RenewalInfoRow {
  readonly certificateId: string
  /** Of the version. */
  readonly number: number
  readonly issuer: string
  /** When it is asked; null: never more, for another version has followed. */
  readonly askAt: number | null
  /** Asks in a row that failed. */
  readonly failures: number
  /** Why the last one failed; null: it did not. */
  readonly lastError: string | null
  /** The window that it suggested last; null: none yet. */
  readonly startsAt: number | null
  readonly endsAt: number | null
  /** The end of that window, where it has been moved before our own rule's moment: then it may be revoked. */
  readonly urgentBy: number | null
  /** A URL of the issuer's that says why. */
  readonly explanation: string | null
}

/** What a row is after an ask. */
export type AskedInfo = Omit<RenewalInfoRow, 'certificateId' | 'number' | 'issuer'>

/** What issuers say about the renewal of versions. A version has its row from its first moment on. */
export interface RenewalInfoStore {
  of(certificateId: string, number: number): Promise<RenewalInfoRow | null>
  /** Those of an issuer that are to be asked, the longest overdue first; put off to `until`, so that no other server asks as well. */
  take(issuer: string, at: number, until: number, limit: number): Promise<readonly RenewalInfoRow[]>
  /** Of a version that another has followed since it stays as it is. */
  record(certificateId: string, number: number, info: AskedInfo): Promise<void>
}

/** What is known of an issuer that somebody else is. Times are milliseconds since 1970, UTC; null: never. */
export interface IssuerStateRow {
  readonly issuer: string
  /** URL of the account there; null: there is none yet. */
  readonly account: string | null
  /** When it last answered as it should. */
  readonly workedAt: number | null
  readonly failedAt: number | null
  /** Of that failure. */
  readonly error: string | null
}

/** How issuers are, for people to see. */
export interface IssuerStateStore {
  of(issuer: string): Promise<IssuerStateRow | null>
  /** What is left out stays. */
  note(issuer: string, fields: Partial<Omit<IssuerStateRow, 'issuer'>>): Promise<void>
}

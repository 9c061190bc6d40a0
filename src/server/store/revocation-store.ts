/** A version that its issuer is told to take for invalid. Times are milliseconds since 1970, UTC. */
export interface RevocationRow {
  readonly certificateId: string
  /** Of the version. */
  readonly number: number
  readonly reason: 'unspecified' | 'keyCompromise' | 'superseded' | 'cessationOfOperation'
  readonly nextTryAt: number
  readonly failures: number
  /** Of the last failure; null: there was none. */
  readonly error: string | null
  /** Null: the issuer does not know it yet. */
  readonly toldAt: number | null
}

/** What issuers are to be told of revoked versions: until each knows it. */
export interface RevocationStore {
  /** One that is there stays. */
  add(revocation: RevocationRow): Promise<void>
  of(certificateId: string, number: number): Promise<RevocationRow | null>
  /** Due ones, put off to `until`, so that no other server tells them as well. */
  take(at: number, until: number, limit: number): Promise<readonly RevocationRow[]>
  told(certificateId: string, number: number, at: number): Promise<void>
  putOff(certificateId: string, number: number, until: number, error: string): Promise<void>
}

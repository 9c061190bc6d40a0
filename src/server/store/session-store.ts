/** A person's stay on the fleet page, from the sign-in on. */
export interface SessionRow {
  /** Of what the cookie has. */
  readonly hash: string
  /** Of the operator token that it began with. */
  readonly tokenHash: string
  readonly createdAt: number
  readonly seenAt: number
  readonly expiresAt: number
}

/** Sessions, by their digests. */
export interface SessionStore {
  /** Ends the oldest of the same token where that would have more than `most`. */
  add(session: SessionRow, most: number): Promise<void>
  find(hash: string): Promise<SessionRow | null>
  /** Notes a call. */
  see(hash: string, at: number): Promise<void>
  /** False: there is none. */
  end(hash: string): Promise<boolean>
  endAll(): Promise<void>
  /** Forgets those that expired before `at`, and those that were last seen before `idleSince`; returns how many. */
  forget(at: number, idleSince: number): Promise<number>
}

/** The answer to a challenge of a CA (http-01, RFC 8555 §8.3), which a host is to give. */
export interface ChallengeRow {
  readonly jobId: string
  /** The name that the CA asks for. */
  readonly name: string
  readonly token: string
  readonly keyAuthorization: string
  /** It goes after so many seconds. */
  readonly lifetimeS: number
}

/** One for each job of the type Challenge; it goes with its job. */
export interface ChallengeStore {
  add(challenge: ChallengeRow): Promise<void>
  of(jobId: string): Promise<ChallengeRow | null>
}

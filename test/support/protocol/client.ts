/** An agent as it was registered. */
export interface Identity {
  readonly id: string
  readonly credential: string
}

/** What the server offers an agent. */
export interface Offer {
  readonly id: string
  readonly kind: 'csr' | 'deployment' | 'other'
  readonly certificateId: string
}

/** What a deployment showed on a listener: SHA-256 of the leaf, hex. */
export interface Sighting {
  readonly jobId: string
  readonly targetId: string
  readonly fingerprint: string
}

/** The calls of one agent, in the words of one client. Each fails with {@link Refused}. */
export interface ProtocolAgent {
  /** Ids of jobs that it is asked to cancel; a client that knows no cancellation hears of none. */
  heartbeat(): Promise<readonly string[]>
  /** `waitS`: as long as the server lets it wait. */
  work(waitS?: number): Promise<readonly Offer[]>
  csr(certificateId: string, csrPem: string): Promise<void>
  certificate(certificateId: string): Promise<string>
  report(jobId: string, status: 'Running' | 'Completed' | 'Failed' | 'Cancelled'): Promise<void>
  verify(sighting: Sighting): Promise<void>
  /** Something of a target is not as it was deployed. */
  drift(targetId: string, reason: string): Promise<void>
  /** Those of protocol §4, where the client knows it. */
  readonly additions: {
    renewLease(jobId: string): Promise<void>
    /** Another credential. */
    exchange(): Promise<string>
  } | null
}

/** One implementation of the agents' side of the protocol. */
export interface ProtocolClient {
  readonly title: string
  /** With an `Idempotency-Key` where one is given and the client knows it. */
  register(token: string, name: string, key?: string): Promise<Identity>
  open(identity: Identity): ProtocolAgent
  close(): Promise<void>
}

/** Where a server is. */
export interface Place {
  readonly url: string
  readonly caPem: string
}

/** The server answered with a status that is none of success. */
export class Refused extends Error {
  readonly status: number
  /** What `Retry-After` asks for, in seconds; null: nothing. */
  readonly retryAfterS: number | null

  constructor(status: number, retryAfterS: number | null, said: string) {
    super(`${status} ${said}`)
    this.status = status
    this.retryAfterS = retryAfterS
  }
}

import { AcmeBook } from './acme-book.ts'
import { openTestSigner } from './sign-certificate.ts'

/** What a test's CA is to be like. */
export interface AcmeCaOptions {
  /** Milliseconds since 1970; left out: the clock of this machine. */
  readonly now?: () => number
  /** How long certificates live, by the profile's name, in milliseconds; `default` is taken where none is named. */
  readonly lives?: Readonly<Record<string, number>>
  /** Accounts that it gave before, `kid` to HMAC key (base64url). Others are refused then. */
  readonly externalAccounts?: Readonly<Record<string, string>>
  /** Looks for the answer to a challenge; left out: it believes it. Null: it is there; else what is wrong. */
  readonly look?: (challenge: LookedFor) => Promise<CaProblem | null>
  /** Refuses an order, as a CA does because of CAA records; left out: it refuses none. */
  readonly refuse?: (names: readonly string[], accountUrl: string) => CaProblem | null
  /** Orders for one set of names in a time; such that replace a certificate count for nothing. */
  readonly limit?: { readonly orders: number; readonly inMs: number }
  /** It says when certificates are to be renewed (RFC 9773); default true. */
  readonly saysRenewal?: boolean
  /** It asks for the proof of a name again after so long; default 30 days. 0: each time. */
  readonly proofLivesMs?: number
  /** As CAA records name it; default `ca.example`. None: it does not say. */
  readonly caaIdentities?: readonly string[]
  /** Its terms are to be accepted; default true. */
  readonly hasTerms?: boolean
  /** A name whose proof it could not look for stays pending, and the challenge says why: it is to be told again, as step-ca is. */
  readonly looksAgain?: boolean
  /** It looks no account up that does not say whose customer it is. */
  readonly bindsLookUps?: boolean
}

/** What the CA is to find. */
export interface LookedFor {
  readonly type: 'dns-01' | 'http-01'
  readonly name: string
  readonly token: string
  readonly keyAuthorization: string
}

/** A problem document. `type`: the word alone. */
export interface CaProblem {
  readonly type: string
  readonly detail: string
  readonly status?: number
  readonly retryAfterS?: number
}

/** What goes wrong from now on. */
export type Trouble =
  /** Connections are cut. */
  | { readonly kind: 'down' }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterS?: number }
  /** The next so many nonces are refused. */
  | { readonly kind: 'badNonce'; readonly times: number }
  /** Each answer comes so late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Each order stays at `processing` for so many looks at it. */
  | { readonly kind: 'processing'; readonly looks: number }
  /** An order is placed, and its answer is lost in between. */
  | { readonly kind: 'losesOrders' }
  /** It signs for other names than were ordered. */
  | { readonly kind: 'signs'; readonly names: readonly string[] }
  /** Each new order, each that replaces a certificate, or each finalization, is refused so. */
  | { readonly kind: 'refuses'; readonly at: 'order' | 'replacing' | 'finalize'; readonly problem: CaProblem }

/** One request as the CA sees it; `body` as it came. */
export interface CaRequest {
  readonly method: string
  readonly path: string
  readonly body: string
}

/** null in its place: the connection is cut. */
export interface CaAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** It comes so late. */
  readonly afterMs: number
}

/** A certificate that the CA has signed. */
export interface IssuedByCa {
  readonly names: readonly string[]
  readonly profile: string
  readonly serial: string
  readonly certId: string
  readonly pem: string
  readonly from: number
  readonly to: number
  /** The one that it takes the place of, as its order said. */
  readonly replaces: string | null
  readonly revokedAt: number | null
}

/** An ACME CA (RFC 8555, 9773, profiles) in memory, whose clock, failures and limits a test sets. Without HTTP: `serveAcmeCa` adds that. */
export interface AcmeCa {
  /** PEM of what its certificates chain to. */
  readonly rootPem: string
  readonly issued: readonly IssuedByCa[]
  /** How many requests came, by what they were for: `newOrder`, `finalize`, `renewalInfo`, …; and `refusedByLimit`. */
  readonly counts: ReadonlyMap<string, number>
  /** How many accounts there are. */
  readonly accounts: number
  trouble(trouble: Trouble | null): void
  /** What it says of this certificate from now on, in place of the last third of its life. */
  suggest(certId: string, window: { readonly start: number; readonly end: number; readonly explanation?: string }): void
  /** Revokes by itself: the window of such a certificate is over. */
  revoke(serial: string): void
  /** As the CA's customers see it after it was set up anew: no accounts, no orders. */
  forget(): void
  /** `base`: where it is, `https://localhost:1234`. */
  handle(base: string, request: CaRequest): Promise<CaAnswer | null>
}

/** Makes one with keys of its own. */
export async function openAcmeCa(options: AcmeCaOptions = {}): Promise<AcmeCa> {
  const now = options.now ?? Date.now
  return new AcmeBook({ ...options, now }, await openTestSigner(now()))
}

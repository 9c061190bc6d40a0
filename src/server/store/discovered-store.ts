import type { Page } from './page.ts'

/** A certificate as it is found in a file on a host. */
export interface FoundRow {
  readonly agentId: string
  /** SHA-256 of it, hex. */
  readonly fingerprint: string
  readonly path: string
  readonly format: 'PEM' | 'DER'
  /** Empty: it has none. */
  readonly commonName: string
  readonly sans: readonly string[]
  readonly issuer: string
  readonly subject: string
  /** Hex. */
  readonly serial: string
  readonly notBefore: number
  readonly notAfter: number
  readonly keyAlgorithm: string
  /** In bits; 0: it is not known. */
  readonly keySize: number
  readonly isCa: boolean
}

/** The same as it is kept. */
export interface DiscoveredRow extends FoundRow {
  /** The order in which they were found. */
  readonly seq: number
  readonly firstSeen: number
  /** When the agent last told of it. */
  readonly lastSeen: number
  /** Since when it is there no more; null: it is there. */
  readonly goneAt: number | null
  /** Of ours that takes its place; null: none. */
  readonly certificateId: string | null
}

/** `new`: nobody here takes care of it; `bound`: one of ours takes its place; `managed`: it is one of ours; `gone`: it is there no more. */
export type DiscoveredStatus = 'new' | 'bound' | 'managed' | 'gone'

/** With the names that people know. */
export interface ListedDiscovered extends DiscoveredRow {
  readonly agentName: string
  readonly status: DiscoveredStatus
}

/** Which of them are listed; what is left out chooses none away. */
export interface DiscoveredFilter {
  readonly agentId?: string | undefined
  readonly status?: DiscoveredStatus | undefined
  /** With those of CAs. */
  readonly hasCas: boolean
}

/** What is found on hosts. */
export interface DiscoveredStore {
  /** Found at `at`, again or for the first time; another of the same is not there. */
  see(found: FoundRow, at: number): Promise<void>
  has(found: Pick<FoundRow, 'agentId' | 'fingerprint' | 'path'>): Promise<boolean>
  count(agentId: string): Promise<number>
  /** Forgets so many that are gone and are not bound, oldest first. */
  forgetGone(agentId: string, most: number): Promise<void>
  setGone(place: Pick<FoundRow, 'agentId' | 'fingerprint' | 'path'>, at: number): Promise<void>
  /** Of active agents; `after`: a `seq`. */
  list(page: Page, filter: DiscoveredFilter): Promise<readonly ListedDiscovered[]>
  /** Those of this agent whose fingerprint begins so; inside a transaction no other changes them until its end. */
  named(agentId: string, fingerprint: string): Promise<readonly DiscoveredRow[]>
  /** This certificate of ours takes the place of that one, wherever it is on the host. */
  bind(agentId: string, fingerprint: string, certificateId: string): Promise<void>
  /** What this certificate of ours takes the place of; null: of nothing. */
  boundTo(certificateId: string): Promise<DiscoveredRow | null>
  /** A certificate of ours that has a version with this digest; null: none. */
  managedBy(fingerprint: string): Promise<string | null>
}

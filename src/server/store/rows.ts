import type { KeyKind } from '../../plan/key-kind.ts'

/** What the store keeps. Times are milliseconds since 1970, UTC; null: there is none. */
export interface AgentRow {
  readonly id: string
  readonly name: string
  readonly hostname: string
  readonly status: 'active' | 'retired'
  /** What it said that it knows (protocol §4). */
  readonly features: readonly string[]
  readonly registeredAt: number
}

/** When an agent was heard; of no history. */
export interface PresenceRow {
  readonly agentId: string
  /** Any call. */
  readonly seenAt: number
  readonly heartbeatAt: number | null
}

/** Which host an agent said that it is (protocol §4), and that two say so. */
export interface IdentityRow {
  readonly agentId: string
  /** Digest of its machine id. */
  readonly machine: string
  /** How often it has started there. */
  readonly starts: number
  /** Drawn at each of its starts. */
  readonly run: string
  /** The machine before, and when it changed; null: it never did. */
  readonly formerMachine: string | null
  readonly movedAt: number | null
  /** Why two hosts are told, and when that was last seen; null: never. */
  readonly twin: string | null
  readonly twinAt: number | null
}

/** What an agent proves itself with. */
export interface CredentialRow {
  /** SHA-256, hex: of a secret, or of a client certificate (DER). */
  readonly hash: string
  readonly kind: 'secret' | 'certificate'
  readonly agentId: string
  readonly createdAt: number
  /** The first use. */
  readonly usedAt: number | null
  readonly revokedAt: number | null
  /** The end of a client certificate; null: a secret has none. */
  readonly expiresAt: number | null
}

/** A bootstrap token. */
export interface TokenRow {
  readonly hash: string
  readonly expiresAt: number | null
  readonly usesLeft: number
  /** With `*` for any text; null: any name. */
  readonly namePattern: string | null
  readonly createdAt: number
  readonly createdBy: string
  /** The agent that takes its place again with it; null: a new one registers. */
  readonly agentId: string | null
  /** The last use. */
  readonly usedAt: number | null
}

/** A token with the name of the agent that takes its place again with it. */
export interface ListedToken extends TokenRow {
  readonly agentName: string | null
}

/** A registration that may be asked again: its answer may have been lost. */
export interface RegistrationRow {
  /** Of the Idempotency-Key. */
  readonly keyHash: string
  readonly tokenHash: string
  readonly agentId: string
}

/** A person, or a program of one. */
export interface OperatorRow {
  readonly id: string
  readonly name: string
  readonly role: 'admin' | 'operator' | 'reader'
  readonly hash: string
  readonly createdAt: number
  readonly revokedAt: number | null
}

/** A place on a host that certificates are deployed to. */
export interface TargetRow {
  readonly id: string
  readonly name: string
  readonly agentId: string
  readonly type: string
  readonly config: object
}

/** What is asked for and renewed; what was signed of it are its versions. */
export interface CertificateRow {
  readonly id: string
  readonly agentId: string
  readonly commonName: string
  readonly sans: readonly string[]
  readonly validityDays: number
  /** Of its lifetime, at which it is renewed; null: by the rule of all. */
  readonly renewShare: number | null
  /** Names of issuers, in the order in which they are asked. */
  readonly issuers: readonly string[]
  readonly keyPolicy: 'rotate' | 'reuse'
  /** Null: as its host makes them, ECDSA P-256. */
  readonly keyType: KeyKind | null
  /** SPKI digest of the key that its host has made ahead, and takes at the next rotation; null: none is known. */
  readonly nextSpki: string | null
  /** Failures of an issuer, and share of the life, from which on the next issuer is asked, too; null: as for all. */
  readonly fallBackAfter: number | null
  readonly fallBackShare: number | null
  readonly nextRenewalAt: number | null
  readonly renewalFailures: number
  readonly lastError: string | null
  readonly revokedAt: number | null
  readonly createdAt: number
}

/** One certificate as it was signed; the highest number is the newest. */
export interface VersionRow {
  readonly certificateId: string
  readonly number: number
  /** Hex. */
  readonly serial: string
  /** Leaf and chain. */
  readonly pem: string
  readonly notBefore: number
  readonly notAfter: number
  /** SHA-256 of the public key's SPKI, hex. */
  readonly spki: string
  /** SHA-256 of the leaf, hex. */
  readonly fingerprint: string
  /** Name of the issuer. */
  readonly issuer: string
  readonly issuedAt: number
  readonly revokedAt: number | null
}

/** A CSR on its way to a certificate. */
export interface SigningRow {
  readonly id: string
  /** The issuance that asked for it; null: none is open. */
  readonly jobId: string | null
  readonly certificateId: string
  readonly csrPem: string
  readonly spki: string
  readonly state: 'open' | 'signed' | 'failed'
  /** How often it has failed. */
  readonly attempts: number
  readonly nextTryAt: number
  readonly error: string | null
}

/** What a job is for. */
export type JobType = 'Issuance' | 'Renewal' | 'Deployment' | 'Validation' | 'TakeBack' | 'Challenge'
/** protocol §1; the last three are final. */
export type JobStatus = 'Pending' | 'AwaitingCSR' | 'Running' | 'Completed' | 'Failed' | 'Cancelled'

/** One piece of work of one agent. */
export interface JobRow {
  /** The order in which jobs were made. */
  readonly seq: number
  readonly id: string
  readonly type: JobType
  readonly agentId: string
  readonly certificateId: string
  /** The newest version when the job was made; null: there was none, or it is not known. */
  readonly versionNumber: number | null
  readonly targetId: string | null
  /** Pending is also a claim by lease of which no Running was reported. */
  readonly status: JobStatus
  /** How often it was claimed. */
  readonly attempt: number
  /** Set by a claim by lease, and left after it: a job without it is under the reaper's rules (protocol §2). */
  readonly leaseUntil: number | null
  readonly notBefore: number | null
  /** From then on it is handed out no more, and waits for another time. */
  readonly handOutUntil: number | null
  readonly deadline: number | null
  readonly cancelRequestedAt: number | null
  readonly error: string | null
  /** As the agent reported it. */
  readonly outcome: object | null
  readonly verification: object | null
  readonly createdAt: number
  readonly updatedAt: number
  /** Its end is a guess of the reaper, which a result corrects. */
  readonly isReaped: boolean
  /** Its host begins it by itself: it is handed out to nobody. */
  readonly isByHost: boolean
}

/** A job with the names that people know. */
export interface ListedJob extends JobRow {
  readonly agentName: string
  readonly targetName: string | null
  readonly commonName: string
}

/** An agent to which nothing is issued until it has said what its host has: the database was put back from a backup. */
export interface HoldRow {
  readonly agentId: string
  /** When it took the first of the questions; null: it has taken none. */
  readonly askedAt: number | null
}

/** What a host has on a target, and the database has not: it was issued after the backup. */
export interface OnHostRow {
  readonly targetId: string
  readonly certificateId: string
  /** SHA-256 of the leaf, hex. */
  readonly fingerprint: string
  readonly notBefore: number
  readonly notAfter: number
  readonly seenAt: number
}

/** What is not as it was deployed to a target. */
export interface DriftRow {
  readonly targetId: string
  readonly reasons: readonly string[]
  /** When the agent last saw it so, as it wrote it. */
  readonly since: string
}

/** One thing that was done. A row is written once, and its place in the chain once. */
export interface AuditRow {
  readonly seq: number
  readonly at: number
  /** `operator:NAME`, `agent:ID` or `server`. */
  readonly actor: string
  readonly action: string
  /** Id of what it was done to. */
  readonly subject: string
  readonly details: object
  /** Place in the chain, from 1; null: not in the chain yet. It differs from `seq` where transactions overlapped. */
  readonly link: number | null
  /** Of the row before in the chain, hex. */
  readonly previousHash: string | null
  readonly hash: string | null
}

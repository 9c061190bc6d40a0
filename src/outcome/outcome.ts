import type { ErrorCode, HostState } from '../error/catalogue.ts'
import type { Command, FileRole, KeyType, ProbeProtocol } from '../plan/plan.ts'

/** The twelve steps of a deployment, and what may follow a failure. */
const stages = [
  'material',
  'plan',
  'policy',
  'unchanged',
  'preflight',
  'journal',
  'stage',
  'commit',
  'check',
  'activate',
  'verify',
  'settle',
  'rollback',
] as const
export type Stage = (typeof stages)[number]

/** The facts of one command that ran. */
export interface CommandFacts {
  readonly command: Command
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  /** The last 2 kB of stdout and stderr, printable. */
  readonly output: string
  readonly ms: number
}

/** One step of a deployment. */
export interface Step {
  readonly name: Stage
  /** RFC 3339, UTC. */
  readonly start: string
  readonly ms: number
  readonly commands: readonly CommandFacts[]
}

/** One file before and after. For roles that hold a key the digests are the key's SPKI digests. */
export interface FileOutcome {
  readonly path: string
  readonly role: FileRole
  readonly before: string | null
  readonly after: string | null
}

/**
 * What was served after the leaf, against the chain that was deployed: `surplus`: all of it and more, or in another order;
 * `missing`: nothing of it.
 */
export type ChainVerdict = 'complete' | 'surplus' | 'incomplete' | 'missing'

/** What one probe saw at its last try. */
export interface ProbeOutcome {
  /** `host:port`. */
  readonly address: string
  readonly protocol: ProbeProtocol
  readonly servername: string | null
  readonly keyType: KeyType | null
  readonly attempts: number
  /** SHA-256 of the leaf's DER, lower-case hex; null: nothing expected. */
  readonly expected: string | null
  /** The same of the leaf that was served; null: none was seen. */
  readonly seen: string | null
  readonly ok: boolean
  /** Null: not the expected leaf, or nothing to compare it with. Left out by an older Waxseal. */
  readonly chain?: ChainVerdict | null
  /** It failed in the same way before anything was touched: it proves nothing, and decides nothing. */
  readonly decides?: false
  readonly tlsVersion: string | null
  readonly ms: number
  /** Which phase failed, and what the server said, or what else is not as it should be; null: nothing. */
  readonly error: string | null
}

/** The certificate that the deployment was about. */
export interface CertificateFacts {
  readonly names: readonly string[]
  /** Hex. */
  readonly serial: string
  /** RFC 3339, UTC. */
  readonly notBefore: string
  readonly notAfter: string
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string
  /** SHA-256 of the DER, lower-case hex. */
  readonly sha256: string
}

/** What a deployment returns; what the record, the status page, `--json` and the report carry. */
export interface Outcome {
  readonly outcome: 'deployed' | 'unchanged' | 'refused' | 'rolled-back' | 'rollback-failed'
  readonly host: HostState
  /** The last stage that was reached. */
  readonly stage: Stage
  /** Null on success. */
  readonly code: ErrorCode | null
  /** For a person; on success it says what was verified, or that nothing was. */
  readonly message: string
  /** A listener showed the new leaf; false also where none could be asked. */
  readonly proven: boolean
  /** What was allowed and may still be a mistake, a sentence each. */
  readonly warnings: readonly string[]
  /** What commands printed of that, at most 2 kB: of the one that failed, of checks that warn. Never leaves the host (law 5). */
  readonly printed?: readonly string[]
  readonly steps: readonly Step[]
  readonly files: readonly FileOutcome[]
  readonly probes: readonly ProbeOutcome[]
  readonly certificate: CertificateFacts | null
}

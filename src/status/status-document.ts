import type { ShownDane, WaitingJob } from '../documents/shown-host.ts'
import type { Outcome } from '../outcome/outcome.ts'

/** What `/status` says: all that the page, the metrics and `waxseal status` show. Its schema is `status-schema.ts`. */
export interface StatusDocument {
  readonly v: 1
  readonly version: string
  readonly hostname: string
  /** When this was put together; RFC 3339, UTC, as every time here. */
  readonly at: string
  /** `down`: no agent answers; this is what was last written down. */
  readonly phase: 'running' | 'draining' | 'stopped' | 'down'
  readonly retired: boolean
  readonly ready: boolean
  /** Why it is not ready, a sentence each. */
  readonly notReady: readonly string[]
  readonly controlPlane: {
    /** Null: none is configured. */
    readonly url: string | null
    readonly lastPoll: string | null
    readonly lastHeartbeat: string | null
    /** The failure that the last poll ended with; null after a good one. */
    readonly error: string | null
  }
  readonly currentJobs: readonly string[]
  /** Jobs that are not done; null: not readable here. */
  readonly inbox: number | null
  /** The oldest of them that are not being done, and what each waits for; at most 100. */
  readonly waiting: readonly WaitingJob[]
  /** Results that wait; null: not readable here. */
  readonly outbox: number | null
  /** Results that the control plane refused. */
  readonly deadLetters: readonly { readonly job: string; readonly refusal: string }[]
  readonly targets: readonly TargetStatus[]
  /** What the last start found of interrupted deployments. */
  readonly recovered: readonly RecoveredStatus[]
  /** Files of the state directory that are not to be trusted. */
  readonly setAside: readonly string[]
  /** What about the configuration or the state wants a person, a sentence each. */
  readonly warnings: readonly string[]
}

export interface RecoveredStatus {
  readonly target: string
  readonly name: string
  readonly did: string
  /** The error code; null: all is well again. */
  readonly code: string | null
}

/** The worst first. */
export const targetStates = ['failed', 'drifting', 'late', 'due', 'healthy'] as const
export type TargetState = (typeof targetStates)[number]

/** One target: what was deployed, what is on disk, what is served, and its last job. */
export interface TargetStatus {
  /** Its id. */
  readonly target: string
  /** What people call it; its id where it has no name. */
  readonly name: string
  readonly connector: string
  readonly state: TargetState
  /** What is not well, a sentence each. */
  readonly problems: readonly string[]
  /** Null: nothing was ever deployed. */
  readonly deployed: {
    readonly at: string
    readonly names: readonly string[]
    readonly notBefore: string
    readonly notAfter: string
    /** Whole days; negative: it has expired. */
    readonly daysLeft: number
    /** The share of its life that is gone: 1 when it expires. */
    readonly lifetimeUsed: number
    readonly sha256: string
    readonly spkiSha256: string
    /** A listener showed it: at the deployment, or at the last look. */
    readonly proven: boolean
  } | null
  /** When disk and ports were last looked at: by the drift watch, else by the deployment; null: never. */
  readonly lookedAt: string | null
  readonly files: readonly {
    readonly path: string
    readonly role: string
    /** SHA-256 of the leaf in it; null: it holds none. */
    readonly leaf: string | null
    readonly ok: boolean
  }[]
  readonly endpoints: readonly {
    readonly address: string
    readonly protocol: string
    readonly servername: string | null
    /** SHA-256 of the leaf that was served; null: none was seen. */
    readonly seen: string | null
    readonly ok: boolean
    /** False: it fails as it did before the deployment, and proves nothing. */
    readonly decides: boolean
    readonly error: string | null
  }[]
  /** TLSA records at the names of the certificate, when they were last looked at; names without any are left out. */
  readonly dane: readonly ShownDane[]
  readonly lastJob: LastJob | null
}

export interface LastJob {
  /** Null: a person asked for it. */
  readonly job: string | null
  readonly at: string
  readonly outcome: Outcome['outcome']
  readonly host: Outcome['host']
  readonly code: string | null
  readonly message: string
  readonly ms: number
  readonly steps: readonly { readonly name: string; readonly ms: number }[]
}

import type { Matter, MatterKind } from '../../notice/matter.ts'
import type { Mute } from '../../notice/mute.ts'
import type { RolloverNameRow } from './rollover-rows.ts'
import type { JobRow, TargetRow } from './rows.ts'

/** A message for one channel. Times are milliseconds since 1970, UTC; null: there is none. */
export interface NoticeRow {
  readonly id: string
  readonly channel: string
  /** JSON. */
  readonly body: string
  readonly madeAt: number
  readonly attempts: number
  readonly nextTryAt: number
  /** Sent, or given up. */
  readonly endedAt: number | null
  readonly error: string | null
}

/** What is the matter, and who was told. */
export interface MatterStore {
  /** In a transaction: true for one server at a time, until its end. */
  takeTurn(): Promise<boolean>
  all(): Promise<readonly Matter[]>
  /** Those that are not over, by kind. */
  countOpen(): Promise<readonly { readonly kind: MatterKind; readonly count: number }[]>
  /** Writes what differs. */
  replace(before: readonly Matter[], after: readonly Matter[]): Promise<void>
}

/** Of what nothing is told for a while. */
export interface MuteStore {
  /** Those that are not over, soonest end first. */
  list(at: number): Promise<readonly Mute[]>
  add(mute: Mute): Promise<void>
  /** False: there is none. */
  end(id: string): Promise<boolean>
  forget(at: number): Promise<void>
}

/** Messages on their way. */
export interface NoticeStore {
  /** Of each message since then. */
  madeSince(at: number): Promise<readonly number[]>
  /** Gives up the oldest that wait for its channel where that would be more than `most`. */
  add(notice: NoticeRow, most: number): Promise<void>
  /** Due ones of these channels, put off to `until` so that no other server takes them as well. */
  take(at: number, until: number, channels: readonly string[]): Promise<readonly NoticeRow[]>
  end(notice: Pick<NoticeRow, 'id' | 'channel'>, at: number, error: string | null): Promise<void>
  putOff(notice: Pick<NoticeRow, 'id' | 'channel'>, until: number, attempts: number, error: string): Promise<void>
  /** Gives up what waits since before `oldest`, and forgets what ended before `at`. */
  forget(at: number, oldest: number): Promise<void>
}

/** The newest deployment of a target, which failed. */
export interface FailedDeployment {
  readonly targetId: string
  readonly agentId: string
  readonly agentName: string
  readonly targetName: string
  readonly commonName: string
  /** Its beginning. */
  readonly error: string
  readonly outcome: object | null
}

/** A certificate of an active agent, which is renewed, near its end. */
export interface NearEnd {
  readonly certificateId: string
  readonly agentId: string
  readonly agentName: string
  readonly commonName: string
  readonly renewShare: number | null
  readonly notBefore: number
  readonly notAfter: number
}

/** A certificate of an active agent, which is renewed, and cannot be now. */
export interface FailingRenewal {
  readonly certificateId: string
  readonly agentId: string
  readonly agentName: string
  readonly commonName: string
  readonly issuers: readonly string[]
  /** Its beginning. */
  readonly lastError: string
}

/** A name of TLSA records that something is wrong with, or whose records a person has to publish. */
export interface TroubledName
  extends Pick<RolloverNameRow, 'targetId' | 'name' | 'endName' | 'isByHand' | 'problem' | 'seen'> {
  readonly targetName: string
  readonly agentName: string
}

/** A deployment, or a take-back, that waits for TLSA records for longer than it should. */
export interface LateForRecords {
  readonly targetId: string
  readonly targetName: string
  readonly agentName: string
  readonly commonName: string
  readonly type: JobRow['type']
  readonly createdAt: number
}

/** How long a deployment may wait for TLSA records, in milliseconds. */
export interface RecordsPatience {
  /** Since it was made, and since its record was wanted, or since the TTLs were over. */
  readonly beyondTtlsMs: number
  /** Whatever the TTLs say: a record that comes and goes has a new one each time. */
  readonly atAllMs: number
}

/** What of the fleet wants a person; at most so many of each. */
export interface ConditionStore {
  failedDeployments(limit: number): Promise<readonly FailedDeployment[]>
  /** With seven tenths of their lives gone, nearest end first. */
  nearEnds(at: number, limit: number): Promise<readonly NearEnd[]>
  failingRenewals(limit: number): Promise<readonly FailingRenewal[]>
  stoppedRollouts(limit: number): Promise<readonly { readonly name: string; readonly reason: string | null }[]>
  /** Active agents that were heard, and not since then. */
  silentSince(at: number, limit: number): Promise<readonly SilentAgent[]>
  drifting(limit: number): Promise<readonly DriftingTarget[]>
  /** Of active agents; those whose problem begins like `first` come first, then those that a person publishes. */
  troubledNames(first: string, limit: number): Promise<readonly TroubledName[]>
  lateForRecords(at: number, patience: RecordsPatience, limit: number): Promise<readonly LateForRecords[]>
  /** Active agents that two hosts say to be since then. */
  twins(
    since: number,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly name: string; readonly twin: string }[]>
}

/** An agent of which nothing was heard for a while. */
export interface SilentAgent {
  readonly id: string
  readonly name: string
  readonly seenAt: number
}

/** A target that is not as it was deployed. */
export interface DriftingTarget extends Pick<TargetRow, 'id' | 'name' | 'agentId'> {
  readonly agentName: string
  readonly reasons: readonly string[]
}

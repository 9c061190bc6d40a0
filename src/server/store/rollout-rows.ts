/** One action for many targets, wave by wave. Times are milliseconds since 1970, UTC; null: there is none. */
export interface RolloutRow {
  readonly id: string
  readonly name: string
  readonly action: 'deploy' | 'renew'
  readonly state: RolloutState
  /** What was asked for, as it was asked: for people. */
  readonly chosen: ChosenTargets
  /** So many failed hosts stop it, in all waves. */
  readonly stopHosts: number | null
  /** So many per cent of the hosts of one wave. */
  readonly stopShare: number | null
  /** Its window; all three or none. */
  readonly windowCron: string | null
  readonly windowMs: number | null
  readonly timeZone: string | null
  /** A host of which nothing is known so long after its job could be taken has failed. */
  readonly deadlineMs: number
  /** The one that is under way, from 1. */
  readonly wave: number
  /** Why it stands still, in a sentence. */
  readonly reason: string | null
  readonly createdAt: number
  readonly createdBy: string
  readonly endedAt: number | null
}

/** `taking-back`: its targets go back, one after the other; `taken-back`: each has been told to. */
export type RolloutState = 'running' | 'stopped' | 'done' | 'abandoned' | 'taking-back' | 'taken-back'

/** Which targets were asked for. Labels and names that are given must both fit. */
export interface ChosenTargets {
  readonly labels: readonly string[]
  readonly agents: readonly string[]
  readonly targets: readonly string[]
  readonly first: readonly string[]
  /** Per cent of all hosts at the end of each wave. */
  readonly shares: readonly number[]
}

/** A target of a roll-out. */
export interface RolloutTargetRow {
  readonly rolloutId: string
  readonly targetId: string
  readonly agentId: string
  /** What is on it when the roll-out starts. */
  readonly certificateId: string
  /** Its version that was in place when its turn came. */
  readonly beforeVersion: number | null
  /** From 1. */
  readonly wave: number
  /** `waiting`: its turn has not come; `open`: it has; `skipped`: it counts neither way. */
  readonly state: RolloutTargetState
  /** From when on its job could be taken. */
  readonly since: number | null
  /** Of its time, in milliseconds: what went by in windows before. */
  readonly spentMs: number
  /** Of a renewal: the job that makes the key. */
  readonly issuanceId: string | null
  /** Somebody else began that before. */
  readonly isJoined: boolean
  /** Its deployment. */
  readonly jobId: string | null
  /** Its job was called back, to be begun another time. */
  readonly isRecalled: boolean
  /** A failure from before the roll-out went on stops it no more. */
  readonly isCounted: boolean
  /** From when on no window holds it up. */
  readonly nearEndAt: number | null
  /** That was so. */
  readonly isHurried: boolean
  readonly error: string | null
  /** The job that takes it back. */
  readonly takeBackId: string | null
  /** Why there is none. */
  readonly takeBackNote: string | null
}

export type RolloutTargetState = 'waiting' | 'open' | 'proven' | 'failed' | 'skipped'

/** A target of a roll-out with the names that people know. */
export interface ListedRolloutTarget extends RolloutTargetRow {
  readonly agentName: string
  readonly targetName: string
  readonly takeBackStatus: string | null
}

/** A target that a roll-out may be for. */
export interface RolloutCandidate {
  readonly targetId: string
  readonly targetName: string
  readonly agentId: string
  readonly agentName: string
  /** That was deployed to it last; null: none ever was. */
  readonly certificateId: string | null
  readonly renewShare: number | null
  /** Of the version that was deployed. */
  readonly notBefore: number | null
  readonly notAfter: number | null
}

/** How many targets and hosts of a wave are in a state. */
export interface WaveState {
  readonly wave: number
  readonly state: RolloutTargetState
  readonly targets: number
  readonly hosts: number
}

import type { WaveCount } from '../rollout/stop-rule.ts'
import type { Label } from './label-store.ts'
import type { Page } from './page.ts'
import type {
  ListedRolloutTarget,
  RolloutCandidate,
  RolloutRow,
  RolloutState,
  RolloutTargetRow,
  RolloutTargetState,
  WaveState,
} from './rollout-rows.ts'

/** Roll-outs with their targets. Who changes one has it: `take` or `lock`, until the end of the transaction. */
export interface RolloutStore extends RolloutTargetStore {
  /** False: the name is taken, for ever. */
  add(rollout: RolloutRow, targets: readonly RolloutTargetRow[]): Promise<boolean>
  named(text: string): Promise<RolloutRow | null>
  names(): Promise<readonly string[]>
  /** Newest first; `after`: a name. */
  list(page: Page): Promise<readonly RolloutRow[]>
  /** Ids of those of which something is under way. */
  live(): Promise<readonly string[]>
  /** Null: another has it. */
  take(id: string): Promise<RolloutRow | null>
  /** Waits for it. */
  lock(id: string): Promise<RolloutRow | null>
  change(id: string, fields: Partial<Pick<RolloutRow, 'state' | 'wave' | 'reason' | 'endedAt'>>): Promise<void>
  /** Ends what nobody has of it: jobs that were not taken, CSRs that wait for their signature. Their targets wait again. Returns how many. */
  cancelUntaken(id: string, error: string, at: number): Promise<number>
  /** How many there are. */
  countByState(): Promise<readonly { readonly state: RolloutState; readonly count: number }[]>
}

/** Targets of roll-outs. */
interface RolloutTargetStore {
  /** Targets of active agents that have all of these labels. */
  candidates(labels: readonly Label[], limit: number): Promise<readonly RolloutCandidate[]>
  /** The name of another one that is not over and has one of these targets; null: none. */
  busyWith(targetIds: readonly string[]): Promise<string | null>
  /** Those whose deployment or renewal this job is. */
  ofJob(jobId: string): Promise<readonly RolloutTargetRow[]>
  /** Whether this job is the deployment of one that decides what becomes of its targets: it is neither done nor abandoned. */
  holds(jobId: string): Promise<boolean>
  ofCertificate(id: string, certificateId: string): Promise<readonly RolloutTargetRow[]>
  /** Whose turn has not come, of a wave. */
  waiting(id: string, wave: number, limit: number): Promise<readonly RolloutTargetRow[]>
  countOpen(id: string, wave?: number): Promise<number>
  /** Open ones of which something may be new: their job has ended, or their window, or they were to be heard of since `heardBy`. By id. */
  unsettled(id: string, at: number, heardBy: number, page: Page): Promise<readonly RolloutTargetRow[]>
  /** Those that may have been changed and were not told to go back yet. */
  toTakeBack(id: string, limit: number): Promise<readonly RolloutTargetRow[]>
  changeTarget(
    row: Pick<RolloutTargetRow, 'rolloutId' | 'targetId'>,
    fields: Partial<Omit<RolloutTargetRow, 'rolloutId' | 'targetId' | 'agentId' | 'certificateId'>>,
  ): Promise<void>
  /** The failures of before stop it no more; `wave`: they are tried again, as part of this one. */
  forgive(id: string, wave: number | null): Promise<void>
  /** Hosts by wave, and those that failed and count. */
  waveCounts(id: string): Promise<readonly WaveCount[]>
  waveStates(id: string): Promise<readonly WaveState[]>
  /** By id of the target. */
  listTargets(id: string, page: Page, state?: RolloutTargetState): Promise<readonly ListedRolloutTarget[]>
  /** Of all that are not over, by state. */
  countTargets(): Promise<readonly { readonly state: RolloutTargetState; readonly count: number }[]>
}

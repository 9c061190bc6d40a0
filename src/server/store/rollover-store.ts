import type { Page } from './page.ts'
import type {
  RolloverNameRow,
  RolloverPass,
  RolloverRow,
  SharingTarget,
  TlsaElsewhere,
  TlsaRow,
  TlsaState,
} from './rollover-rows.ts'

/** A target with roll-over, with the names that people know. */
export interface ListedRollover extends RolloverRow {
  readonly targetName: string
  readonly agentId: string
  readonly agentName: string
}

/** Which roll-overs are listed: of this target, or of the targets of this agent, alone. */
export interface RolloverFilter {
  readonly targetId?: string | undefined
  readonly agentId?: string | undefined
}

/** DANE roll-overs. Who changes what belongs to a target has it: `take` or `lock`, until the end of the transaction. */
export interface RolloverStore {
  /** False: it is on already. */
  add(row: RolloverRow): Promise<boolean>
  /** With all that belongs to it; false: it is not on. */
  remove(targetId: string): Promise<boolean>
  /** By the name of the target; `after`: such a name. */
  list(page: Page, of?: RolloverFilter): Promise<readonly ListedRollover[]>
  /** Ids of targets that are to be looked at. */
  due(at: number, limit: number): Promise<readonly string[]>
  /** Null: it is off. */
  of(targetId: string): Promise<RolloverRow | null>
  /** Null: it is off, or another server has it. */
  take(targetId: string): Promise<RolloverRow | null>
  /** Waits for it. */
  lock(targetId: string): Promise<RolloverRow | null>
  /** When it is looked at next. */
  plan(targetId: string, nextLookAt: number): Promise<void>
  /** At `at`, or earlier where that was planned. Nothing where it is off. */
  hasten(targetId: string, at: number): Promise<void>
  names(targetId: string): Promise<readonly RolloverNameRow[]>
  /** In place of what it was. */
  putName(row: RolloverNameRow): Promise<void>
  removeName(targetId: string, name: string): Promise<void>
  records(targetId: string): Promise<readonly TlsaRow[]>
  /** In place of what it was. */
  putRecord(row: TlsaRow): Promise<void>
  removeRecord(row: Pick<TlsaRow, 'targetId' | 'name' | 'spki'>): Promise<void>
  /** Records of other targets, and at other names, that are where this name ends, or may be. */
  elsewhere(of: Pick<RolloverNameRow, 'targetId' | 'name'>, endName: string): Promise<readonly TlsaElsewhere[]>
  /** Other targets with roll-over that have a name which ends where this one does, or may. */
  sharing(of: Pick<RolloverNameRow, 'targetId' | 'name'>, endName: string): Promise<readonly SharingTarget[]>
  /**
   * Names of other targets, some of them, that may serve this host name without roll-over: of the same type, on active agents, with a
   * certificate of the name that this target does not have.
   */
  outside(of: Pick<RolloverNameRow, 'targetId' | 'name'>, endName: string, host: string): Promise<readonly string[]>
  /** In place of all that its jobs had. */
  putPasses(targetId: string, passes: readonly RolloverPass[]): Promise<void>
  passes(targetId: string): Promise<readonly RolloverPass[]>
  /** Whether a deployment of this certificate that the agent has has no pass for this version; one that the reaper ended after `endedAfter` it may have. */
  isWithheld(
    agentId: string,
    certificateId: string,
    versionNumber: number,
    at: number,
    endedAfter: number,
  ): Promise<boolean>
  /** Keys of CSRs for certificates of this target that are not signed yet. */
  openKeys(targetId: string): Promise<readonly string[]>
  /** Certificates that are deployed to this target, or were, and nobody deployed another since. */
  certificatesOf(targetId: string): Promise<readonly string[]>
  /** How many records there are, by state; `usable`: published, and waited for. */
  countRecords(at: number): Promise<readonly { readonly state: TlsaState | 'usable'; readonly count: number }[]>
  /** Jobs that wait for a pass, names with a problem, and targets that have such names. */
  countWaiting(at: number): Promise<{ readonly jobs: number; readonly problems: number; readonly targets: number }>
}

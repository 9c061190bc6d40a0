import type { Label, Labels } from './label-store.ts'
import type { Page } from './page.ts'
import type { AgentRow, CertificateRow, DriftRow, IdentityRow, JobType, VersionRow } from './rows.ts'

/** `never`: it has registered, and has not called since. */
export type HostState = 'calling' | 'silent' | 'never' | 'retired'

/** By the end of the newest version: over, within a day, seven, thirty, later. `unsigned`: there is none yet. `unused`: nobody renews it any more. */
export type EndState = 'unsigned' | 'expired' | 'day' | 'week' | 'month' | 'later' | 'unused'

/** What hosts are judged by. */
export interface HostTimes {
  /** Who was heard last before it is silent. */
  readonly silentBefore: number
  /** Since then two hosts are told. */
  readonly twinSince: number
}

/** Which hosts are listed; what is left out does not matter. */
export interface HostFilter {
  /** This one alone. */
  readonly agentId?: string | undefined
  readonly state?: HostState | undefined
  /** Two hosts are one agent. */
  readonly isTwin?: boolean
  /** Part of its name or of its own name for itself, in either case. */
  readonly text?: string | undefined
  /** All of them. */
  readonly labels?: readonly Label[]
}

/** A host in a list. */
export interface FleetHost extends Pick<AgentRow, 'id' | 'name' | 'hostname'>, Pick<IdentityRow, 'twin' | 'twinAt'> {
  /** Null: never. */
  readonly seenAt: number | null
  readonly state: HostState
  /** It is asked first what it has, after a restore. */
  readonly isHeld: boolean
  readonly targets: number
  /** Of these, which are not as they were deployed. */
  readonly drifting: number
  readonly labels: Labels
}

/** Which certificates are listed. */
export interface CertificateFilter {
  readonly ends?: EndState | undefined
  /** Its last renewal, or signature, is in trouble. */
  readonly isFailing?: boolean
  /** Nine tenths of its life are gone. */
  readonly isLate?: boolean
  readonly agentId?: string | undefined
  /** Part of one of its names, in either case. */
  readonly text?: string | undefined
  /** Of its agent, all of them. */
  readonly labels?: readonly Label[]
}

/** A certificate in a list, with its newest version. */
export type FleetCertificate = Pick<
  CertificateRow,
  'id' | 'commonName' | 'sans' | 'agentId' | 'nextRenewalAt' | 'lastError' | 'revokedAt'
> & {
  readonly agentName: string
  readonly ends: EndState
  readonly number: VersionRow['number'] | null
  readonly notBefore: VersionRow['notBefore'] | null
  readonly notAfter: VersionRow['notAfter'] | null
}

/** Certificates by their ends. */
export interface EndCounts {
  readonly ends: Readonly<Partial<Record<EndState, number>>>
  /** Of those that are renewed, with an error. */
  readonly failing: number
  /** Of those that are renewed and have not expired: nine tenths of their lives are gone. */
  readonly late: number
}

/** Which failures are listed. */
export interface FailureFilter {
  readonly since: number
  readonly type?: JobType | undefined
  /** What its error begins with; '': no code. */
  readonly code?: string | undefined
  readonly agentId?: string | undefined
}

/** A job that failed, in a list. */
export interface FleetFailure {
  readonly seq: number
  readonly id: string
  readonly type: JobType
  readonly agentName: string
  readonly targetName: string | null
  readonly commonName: string
  /** Its beginning. */
  readonly error: string
  readonly updatedAt: number
  readonly isReaped: boolean
}

/** A target that is not as it was deployed. */
export interface FleetDrift extends DriftRow {
  readonly name: string
  readonly type: string
  readonly agentName: string
}

/** What the fleet page shows: counts by aggregates, lists by the keys of their rows. Never more than a page is in memory. */
export interface FleetStore {
  countHosts(
    times: HostTimes,
  ): Promise<{ readonly states: Readonly<Partial<Record<HostState, number>>>; readonly twins: number }>
  /** By name; `after`: a name. */
  hosts(page: Page, times: HostTimes, filter?: HostFilter): Promise<readonly FleetHost[]>
  countEnds(at: number): Promise<EndCounts>
  /** Nearest end first; `after`: its end and its id, with a dash between them. */
  certificates(page: Page, at: number, filter?: CertificateFilter): Promise<readonly FleetCertificate[]>
  /** Codes, most frequent first, at most so many; '': errors without one. */
  countCodes(since: number, limit: number): Promise<readonly { readonly code: string; readonly count: number }[]>
  countFailures(since: number): Promise<number>
  /** Newest failure first; `after`: its time and its `seq`, with a dash between them. */
  failures(page: Page, filter: FailureFilter): Promise<readonly FleetFailure[]>
  /** Of active agents. */
  countDrift(): Promise<number>
  /** By name of the target, of active agents; `after`: a name. */
  drift(page: Page, filter?: { readonly agentId?: string | undefined }): Promise<readonly FleetDrift[]>
}

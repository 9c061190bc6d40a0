import type { Page } from './page.ts'
import type { JobRow, JobStatus, JobType, ListedJob } from './rows.ts'

/** What a new job is given; the rest begins empty. */
export type NewJob = Pick<
  JobRow,
  'id' | 'type' | 'agentId' | 'certificateId' | 'targetId' | 'versionNumber' | 'createdAt'
> & {
  readonly status: 'Pending' | 'AwaitingCSR'
} & Partial<Pick<JobRow, 'notBefore' | 'handOutUntil' | 'deadline' | 'isByHost'>>

/** What a report says of a job. */
export interface Finish {
  readonly id: string
  readonly agentId: string
  readonly status: 'Completed' | 'Failed' | 'Cancelled'
  readonly error: string | null
  readonly outcome: object | null
  readonly at: number
}

/** How jobs are claimed; `leaseMs` null: the call is the claim (protocol §1). */
export interface Claim {
  readonly agentId: string
  readonly at: number
  readonly leaseMs: number | null
  readonly limit: number
  /** Validations alone. */
  readonly isHeld?: boolean
}

/** Which jobs are listed; what is left out does not matter. */
export interface JobFilter {
  readonly agentId?: string | undefined
  readonly targetId?: string | undefined
  readonly status?: JobStatus | undefined
}

/** What there is for an agent. */
export interface News {
  /** `Pending`: a claim would find something; `AwaitingCSR`: a look for CSRs would. */
  readonly work: ReadonlySet<JobStatus>
  /** As `cancelRequests`. */
  readonly cancel: readonly string[]
}

/** Jobs, from the first word to the final state. */
export interface JobStore {
  /** False: an issuance or a renewal of this certificate is open already. */
  add(job: NewJob): Promise<boolean>
  byId(id: string): Promise<JobRow | null>
  /** Newest first; `after`: the `seq` of the last one known. */
  list(page: Page, filter?: JobFilter): Promise<readonly ListedJob[]>
  /** What there is for an agent, in one question: each poll begins with it. */
  newsFor(agentId: string, at: number): Promise<News>
  /** Those of these agents for which it would. */
  agentsWithWork(at: number, agentIds: ReadonlySet<string>): Promise<readonly string[]>
  /** What an agent is to do now, oldest first, without what would bring a revoked version; each is counted as one more attempt. */
  claim(claim: Claim): Promise<readonly JobRow[]>
  /** Of the open ones of an agent the most bytes that names and target's configuration have as JSON. */
  longestOf(agentId: string): Promise<number>
  /** Of an agent, that wait for a CSR. */
  awaitingCsr(agentId: string, at: number, limit: number): Promise<readonly JobRow[]>
  /** Gives a claim a new end; false: the agent does not have it, or it is final. */
  renewLease(id: string, agentId: string, until: number): Promise<boolean>
  /** Its host begins one that it was not handed, or goes on with it; false: it is final, or none of those. */
  beginByHost(id: string, agentId: string, at: number): Promise<boolean>
  /** The agent works on it; false: it is final, or waits for a CSR. */
  start(id: string, agentId: string, at: number): Promise<boolean>
  /** The first final state stays, but for the reaper's, which is a guess; false: it was final. */
  finish(finish: Finish): Promise<boolean>
  setVerification(id: string, agentId: string, verification: object): Promise<boolean>
  /** The state of a job that waited for a CSR or for its signature; false: it was in none of `from`. */
  move(id: string, from: readonly JobStatus[], to: JobStatus, at: number, error?: string): Promise<boolean>
  /** Cancelled if nobody ever had it, else asked for; returns its state, null: it was final, or is not there. */
  cancel(id: string, at: number): Promise<JobStatus | null>
  /** Cancels what nobody ever had of an agent; returns ids. */
  cancelUntaken(agentId: string, error: string, at: number): Promise<readonly string[]>
  /** Cancels the deployments and take-backs of a certificate that nobody ever had, and that would bring a revoked version; returns ids. */
  cancelRevoked(certificateId: string, error: string, at: number): Promise<readonly string[]>
  /** Ends one that is not final as the reaper does: a result that comes later takes its place. False: it is final, or not there. */
  end(id: string, error: string, at: number): Promise<boolean>
  /** Ids of those of an agent that are to be cancelled. */
  cancelRequests(agentId: string): Promise<readonly string[]>
  /** The newest issuance or renewal. */
  lastIssuance(certificateId: string): Promise<JobRow | null>
  /** Newest first, of these types; left out: at most a thousand. */
  ofTarget(
    targetId: string,
    types: readonly JobType[],
    isCompleted: boolean,
    limit?: number,
  ): Promise<readonly JobRow[]>
  /** Of those made before `before` (`seq`), newest first: what is open, was reaped after `reapedAfter`, or changed at `since` or later; at most a thousand. */
  unsettledOfTarget(
    targetId: string,
    types: readonly JobType[],
    about: { readonly before: number; readonly reapedAfter: number; readonly since: number },
  ): Promise<readonly JobRow[]>
  /** Agents with deployments that run without a lease. */
  agentsAtWork(): Promise<readonly { readonly agentId: string; readonly seenAt: number | null }[]>
  /** Ends what runs without a lease on an agent and was last heard of at `heardAt` or before; returns ids. */
  reap(agentId: string, heardAt: number, error: string, at: number): Promise<readonly string[]>
  /** Ends what runs on an agent whose host and records are gone; returns ids. */
  abandon(agentId: string, error: string, at: number): Promise<readonly string[]>
  /** Ends as `end` what is open of retired agents that were not heard since `heardAt`, but for CSRs that were taken; returns ids. */
  endOfRetired(heardAt: number, error: string, at: number): Promise<readonly string[]>
  /** How many are open, by state. */
  countOpen(): Promise<readonly { readonly status: JobStatus; readonly count: number }[]>
  /** Hands it out between other times, as long as no agent has it; false: one has, or it is final. */
  postpone(id: string, notBefore: number | null, handOutUntil: number | null): Promise<boolean>
  /** The same of one that an agent may have, and has not begun as far as is known: where it has not, it gets it then. */
  offerAgain(id: string, notBefore: number | null, handOutUntil: number | null): Promise<void>
  /**
   * Ends what nobody has and whose deadline is past: Failed, and Cancelled what its host was to begin; returns ids. What an agent took whose
   * lease ran out ends as `end`, and says `taken`: the agent may have it all the same.
   */
  expire(at: number, errors: { readonly untaken: string; readonly taken: string }): Promise<readonly string[]>
  /**
   * Removes those of the next `limit` jobs after the `seq` `after` that ended before `before`, if a later one of the same kind, certificate
   * and target was completed: the newest that went well tells what is where. Returns the `seq` of the last one looked at; null: there is none so old.
   */
  forget(before: number, after: number, limit: number): Promise<number | null>
}

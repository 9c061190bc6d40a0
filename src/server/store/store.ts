import type { HoldStore } from './hold-store.ts'
import type {
  AgentRow,
  AuditRow,
  CertificateRow,
  CredentialRow,
  DriftRow,
  IdentityRow,
  JobRow,
  JobStatus,
  JobType,
  ListedJob,
  OperatorRow,
  PresenceRow,
  RegistrationRow,
  SigningRow,
  TargetRow,
  TokenRow,
  VersionRow,
} from './rows.ts'

/**
 * All that the control plane remembers. Each call is atomic and durable when it resolves. Calls that belong together go to the
 * store that `transaction` gives: to use the outer one inside of it is an error. Fails with DATABASE_UNREACHABLE where another
 * try may help.
 */
export interface Store {
  readonly server: ServerFacts
  readonly agents: AgentStore
  readonly credentials: CredentialStore
  readonly tokens: TokenStore
  readonly presence: PresenceStore
  readonly operators: OperatorStore
  readonly targets: TargetStore
  readonly certificates: CertificateStore
  readonly versions: VersionStore
  readonly signings: SigningStore
  readonly jobs: JobStore
  readonly holds: HoldStore
  readonly audit: AuditStore
  /** The time of the store: all rows have it. */
  now(): Promise<number>
  /** All of `work` or nothing of it. It may run again after a deadlock: nothing but the store may remember it. */
  transaction<T>(work: (store: Store) => Promise<T>): Promise<T>
  /** Calls with the id of each agent for which something new is there, on whatever server that was done; some may get lost. Returns what ends it. */
  listen(heard: (agentId: string) => void): () => Promise<void>
  close(): Promise<void>
}

/** A part of a list, in the order of its keys. */
export interface Page {
  /** The key of the last one that is known; left out: from the start. */
  readonly after?: string | undefined
  readonly limit: number
}

/** Since when servers run on this store without a gap: in a gap no agent could be heard. */
export interface ServerFacts {
  /** A server runs; `gapMs`: after a longer silence of all servers the time without a gap begins anew. */
  alive(at: number, gapMs: number): Promise<void>
  upSince(): Promise<number>
  /** A value that servers share; null: it was never set. */
  get(name: string): Promise<string | null>
  set(name: string, value: string): Promise<void>
}

/** An agent with when it was heard. */
export interface ListedAgent extends AgentRow {
  readonly seenAt: number | null
  readonly heartbeatAt: number | null
  readonly twin: string | null
  readonly twinAt: number | null
}

export interface AgentStore {
  /** False: the name is taken. */
  add(agent: AgentRow): Promise<boolean>
  /** The one with this id, else the one with this name. */
  named(text: string): Promise<AgentRow | null>
  /** At most a thousand, to say what may have been meant. */
  names(): Promise<readonly string[]>
  /** By the time of registration; `after`: an id. */
  list(page: Page, filter?: { readonly status?: AgentRow['status'] | undefined }): Promise<readonly ListedAgent[]>
  retire(id: string): Promise<void>
  /** It is active again, under its old name and id, on this host. */
  readmit(id: string, hostname: string, features: readonly string[]): Promise<void>
  setFeatures(id: string, features: readonly string[]): Promise<void>
}

export interface CredentialStore {
  add(credential: CredentialRow): Promise<void>
  /** That was not revoked, with its agent. */
  find(hash: string): Promise<{ readonly credential: CredentialRow; readonly agent: AgentRow } | null>
  /** Notes the first use. */
  use(hash: string, at: number): Promise<void>
  /** All of an agent but `keep`; returns how many. */
  revoke(agentId: string, at: number, keep?: string): Promise<number>
  /** Of an agent, those that were never used; returns how many. */
  revokeUnused(agentId: string, at: number): Promise<number>
  /** Whether a credential of the agent that was made at `since` or later was ever used. */
  wereUsed(agentId: string, since: number): Promise<boolean>
}

export interface TokenStore {
  add(token: TokenRow): Promise<void>
  find(hash: string): Promise<TokenRow | null>
  /** Takes one use; null: there is none left, or it has ended. */
  take(hash: string, at: number): Promise<TokenRow | null>
  endAll(): Promise<void>
  addRegistration(registration: RegistrationRow): Promise<void>
  /** The agent that this key and this token registered. */
  registered(keyHash: string, tokenHash: string): Promise<AgentRow | null>
}

export interface PresenceStore {
  /** Newer facts win; what a row leaves null stays. */
  record(rows: readonly PresenceRow[]): Promise<void>
  of(agentId: string): Promise<PresenceRow | null>
  /** Null: it never said which host it is on. Inside a transaction no other changes it until its end. */
  identity(agentId: string): Promise<IdentityRow | null>
  setIdentity(identity: IdentityRow, at: number): Promise<void>
  /** After the operator's word that the agent is another host now. */
  forgetIdentity(agentId: string): Promise<void>
}

export interface OperatorStore {
  /** False: the name is taken. */
  add(operator: OperatorRow): Promise<boolean>
  /** That was not revoked. */
  find(hash: string): Promise<OperatorRow | null>
  list(): Promise<readonly OperatorRow[]>
  /** False: there is none of this name. */
  revoke(name: string, at: number): Promise<boolean>
}

/** A target with its agent's name, and what drifts. */
export interface ListedTarget extends TargetRow {
  readonly agentName: string
  readonly drift: DriftRow | null
}

export interface TargetStore {
  /** False: the name is taken. */
  add(target: TargetRow): Promise<boolean>
  byId(id: string): Promise<TargetRow | null>
  named(text: string): Promise<TargetRow | null>
  names(): Promise<readonly string[]>
  change(id: string, type: string, config: object): Promise<void>
  /** By name; `after`: a name. */
  list(page: Page, filter?: { readonly agentId?: string | undefined }): Promise<readonly ListedTarget[]>
  /** Without reasons: it is in order again. */
  setDrift(drift: DriftRow): Promise<void>
}

/** How a certificate is renewed. */
export type RenewalPolicy = Pick<CertificateRow, 'renewShare' | 'issuers' | 'keyPolicy'>

export interface CertificateStore {
  /** With the targets that each version is deployed to. */
  add(certificate: CertificateRow, deployTo: readonly string[]): Promise<void>
  byId(id: string): Promise<CertificateRow | null>
  /** The one with this id, else all with this common name. */
  named(text: string): Promise<readonly CertificateRow[]>
  /** Common names, at most a thousand, to say what may have been meant. */
  names(): Promise<readonly string[]>
  /** By id. */
  list(page: Page): Promise<readonly CertificateRow[]>
  /** Their ids, in order. */
  ofAgent(agentId: string): Promise<readonly string[]>
  /** Ids of targets. */
  deployedTo(id: string): Promise<readonly string[]>
  /** Those of them that have not got another certificate since this one was deployed there. */
  stillDeployedTo(id: string): Promise<readonly string[]>
  /** Keeps who renews it apart until the end of the transaction, and returns it. */
  lock(id: string): Promise<CertificateRow | null>
  /** Those whose renewal is due and for which no issuance is open, nearest end first; other servers skip what this transaction has. */
  due(at: number, limit: number): Promise<readonly CertificateRow[]>
  plan(
    id: string,
    plan: Pick<CertificateRow, 'nextRenewalAt' | 'renewalFailures' | 'lastError'> &
      Partial<Pick<CertificateRow, 'revokedAt'>>,
  ): Promise<void>
  setPolicy(id: string, policy: RenewalPolicy): Promise<void>
}

export interface VersionStore {
  add(version: VersionRow): Promise<void>
  newest(certificateId: string): Promise<VersionRow | null>
  /** The newest of the certificate that was last deployed to this target. */
  onTarget(targetId: string): Promise<VersionRow | null>
  /** Of one certificate, newest first. */
  list(certificateId: string, limit: number): Promise<readonly VersionRow[]>
  revoke(certificateId: string, number: number, at: number): Promise<void>
  /** All that were revoked and have not ended. */
  revoked(at: number): Promise<readonly VersionRow[]>
}

export interface SigningStore {
  /** False: one of this certificate and key is open. */
  add(signing: SigningRow): Promise<boolean>
  /** The one of this certificate and key that is open. */
  open(certificateId: string, spki: string): Promise<SigningRow | null>
  byId(id: string): Promise<SigningRow | null>
  /** Due ones, put off to `until` so that no other server takes them as well. */
  take(at: number, until: number, limit: number): Promise<readonly SigningRow[]>
  /** False: it was not open any more. */
  end(id: string, state: 'signed' | 'failed', error: string | null): Promise<boolean>
  putOff(id: string, until: number, error: string): Promise<void>
  /** Those of a certificate that failed are due at `at`. */
  hasten(certificateId: string, at: number): Promise<void>
}

/** What a new job is given; the rest begins empty. */
export type NewJob = Pick<
  JobRow,
  'id' | 'type' | 'agentId' | 'certificateId' | 'targetId' | 'versionNumber' | 'createdAt'
> & {
  readonly status: 'Pending' | 'AwaitingCSR'
} & Partial<Pick<JobRow, 'notBefore' | 'deadline'>>

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

export interface JobStore {
  /** False: an issuance or a renewal of this certificate is open already. */
  add(job: NewJob): Promise<boolean>
  byId(id: string): Promise<JobRow | null>
  /** Newest first; `after`: the `seq` of the last one known. */
  list(page: Page, filter?: JobFilter): Promise<readonly ListedJob[]>
  /** Whether a claim or a look for CSRs would find something. */
  isWorkFor(agentId: string, at: number): Promise<boolean>
  /** Those of these agents for which it would. */
  agentsWithWork(at: number, agentIds: ReadonlySet<string>): Promise<readonly string[]>
  /** What an agent is to do now, oldest first; each is counted as one more attempt. */
  claim(claim: Claim): Promise<readonly JobRow[]>
  /** Of an agent, that wait for a CSR. */
  awaitingCsr(agentId: string, at: number, limit: number): Promise<readonly JobRow[]>
  /** Gives a claim a new end; false: the agent does not have it, or it is final. */
  renewLease(id: string, agentId: string, until: number): Promise<boolean>
  /** The agent works on it; false: it is final, or waits for a CSR. */
  start(id: string, agentId: string, at: number): Promise<boolean>
  /** The first final state stays, but for the reaper's, which is a guess; false: it was final. */
  finish(finish: Finish): Promise<boolean>
  setVerification(id: string, agentId: string, verification: object): Promise<boolean>
  /** The state of a job that waited for a CSR or for its signature; false: it was in none of `from`. */
  move(id: string, from: readonly JobStatus[], to: JobStatus, at: number, error?: string): Promise<boolean>
  /** Cancelled if nobody ever had it, else asked for; returns its state, null: it was final, or is not there. */
  cancel(id: string, at: number): Promise<JobStatus | null>
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
  /** Agents with deployments that run without a lease. */
  agentsAtWork(): Promise<readonly { readonly agentId: string; readonly seenAt: number | null }[]>
  /** Ends what runs without a lease on an agent and was last heard of at `heardAt` or before; returns ids. */
  reap(agentId: string, heardAt: number, error: string, at: number): Promise<readonly string[]>
  /** Ends what runs on an agent whose host and records are gone; returns ids. */
  abandon(agentId: string, error: string, at: number): Promise<readonly string[]>
  /** How many are open, by state. */
  countOpen(): Promise<readonly { readonly status: JobStatus; readonly count: number }[]>
  /** Ends what nobody has and whose deadline is past; returns ids. */
  expire(at: number, error: string): Promise<readonly string[]>
}

export interface AuditStore {
  /** In the same transaction as what was done. */
  append(entry: Pick<AuditRow, 'at' | 'actor' | 'action' | 'subject' | 'details'>): Promise<void>
  /** Gives rows that have none their place in the chain; returns how many. */
  chain(limit: number): Promise<number>
  /** The last one of the chain; null: it is empty. */
  head(): Promise<AuditRow | null>
  /** The chain, oldest first; `after`: a `link`. */
  list(page: Page): Promise<readonly AuditRow[]>
}

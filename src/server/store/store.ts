import type { AcmeOrderStore } from './acme-order-store.ts'
import type { ChallengeStore } from './challenge-store.ts'
import type { DiscoveredStore } from './discovered-store.ts'
import type { FleetStore } from './fleet-store.ts'
import type { HoldStore } from './hold-store.ts'
import type { CredentialStore, OperatorStore, TokenStore } from './identity-store.ts'
import type { IssuerStateStore } from './issuer-state-store.ts'
import type { IssuerTryStore } from './issuer-try-store.ts'
import type { JobStore } from './job-store.ts'
import type { Label, LabelStore, Labels } from './label-store.ts'
import type { LookStore } from './look-store.ts'
import type { ConditionStore, MatterStore, MuteStore, NoticeStore } from './matter-store.ts'
import type { OrderStore } from './order-store.ts'
import type { Page } from './page.ts'
import type { RenewalInfoStore } from './renewal-info-store.ts'
import type { RevocationStore } from './revocation-store.ts'
import type { RolloutStore } from './rollout-store.ts'
import type { RolloverStore } from './rollover-store.ts'
import type {
  AgentRow,
  AuditRow,
  CertificateRow,
  DriftRow,
  IdentityRow,
  PresenceRow,
  SigningRow,
  TargetRow,
  VersionRow,
} from './rows.ts'
import type { SessionStore } from './session-store.ts'
import type { VersionPruning } from './version-pruning.ts'
import type { WindowStore } from './window-store.ts'

/**
 * All that the control plane remembers. Each call is atomic and durable when it resolves. Calls that belong together go to the
 * store that `transaction` gives: to use the outer one inside of it is an error. Fails with DATABASE_UNREACHABLE where another
 * try may help.
 */
export interface Store {
  readonly server: ServerFacts
  readonly agents: AgentStore
  readonly labels: LabelStore
  readonly credentials: CredentialStore
  readonly tokens: TokenStore
  readonly presence: PresenceStore
  readonly operators: OperatorStore
  readonly targets: TargetStore
  readonly certificates: CertificateStore
  readonly versions: VersionStore
  readonly pruning: VersionPruning
  readonly signings: SigningStore
  readonly issuerTries: IssuerTryStore
  readonly renewalInfos: RenewalInfoStore
  readonly jobs: JobStore
  readonly rollouts: RolloutStore
  readonly windows: WindowStore
  readonly rollovers: RolloverStore
  readonly holds: HoldStore
  readonly orders: OrderStore
  readonly acmeOrders: AcmeOrderStore
  readonly issuerStates: IssuerStateStore
  readonly challenges: ChallengeStore
  readonly revocations: RevocationStore
  readonly discovered: DiscoveredStore
  readonly sessions: SessionStore
  readonly fleet: FleetStore
  readonly looks: LookStore
  readonly conditions: ConditionStore
  readonly matters: MatterStore
  readonly mutes: MuteStore
  readonly notices: NoticeStore
  readonly audit: AuditStore
  /** The time of the store: all rows have it. */
  now(): Promise<number>
  /** All of `work` or nothing of it. It may run again after a deadlock: nothing but the store may remember it. */
  transaction<T>(work: (store: Store) => Promise<T>): Promise<T>
  /** Calls with the id of each agent for which something new is there, on whatever server that was done; some may get lost. Returns what ends it. */
  listen(heard: (agentId: string) => void): () => Promise<void>
  close(): Promise<void>
}

/** Since when servers run on this store without a gap: in a gap no agent could be heard. */
export interface ServerFacts {
  /** A server runs; `gapMs`: after a longer silence of all servers the time without a gap begins anew. */
  alive(at: number, gapMs: number): Promise<boolean>
  /** Makes due at `at` what is planned for later by a clock that was ahead: leases beyond `leasesEnd`, renewals, signatures; nobody was heard later. */
  forgetFuture(at: number, leasesEnd: number): Promise<void>
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
  readonly labels: Labels
}

/** Agents, those that are retired among them. */
export interface AgentStore {
  /** Without those that are retired. */
  countActive(): Promise<number>
  /** False: the name is taken. */
  add(agent: AgentRow): Promise<boolean>
  /** The one with this id, else the one with this name. */
  named(text: string): Promise<AgentRow | null>
  /** At most a thousand, to say what may have been meant. */
  names(): Promise<readonly string[]>
  /** By the time of registration; `after`: an id. */
  list(
    page: Page,
    filter?: { readonly status?: AgentRow['status'] | undefined; readonly labels?: readonly Label[] | undefined },
  ): Promise<readonly ListedAgent[]>
  retire(id: string): Promise<void>
  /** It is active again, under its old name and id, on this host. */
  readmit(id: string, hostname: string, features: readonly string[]): Promise<void>
  setFeatures(id: string, features: readonly string[]): Promise<void>
}

/** When agents were heard, and which host each is on. */
export interface PresenceStore {
  /** Newer facts win; what a row leaves null stays. */
  record(rows: readonly PresenceRow[]): Promise<void>
  of(agentId: string): Promise<PresenceRow | null>
  /** Null: it never said which host it is on. Inside a transaction no other changes it until its end. */
  identity(agentId: string): Promise<IdentityRow | null>
  setIdentity(identity: IdentityRow, at: number): Promise<void>
  /** Why two hosts are told to be the agent, and when that was last seen; null: never. Inside a transaction as `identity`. */
  twin(agentId: string): Promise<{ readonly twin: string; readonly twinAt: number } | null>
  /** Of an agent that was heard. */
  setTwin(agentId: string, twin: string, at: number): Promise<void>
  /** After the operator's word that the agent is another host now. */
  forgetIdentity(agentId: string): Promise<void>
}

/** A target with its agent's name, and what drifts. */
export interface ListedTarget extends TargetRow {
  readonly agentName: string
  readonly drift: DriftRow | null
}

/** What certificates are deployed to. */
export interface TargetStore {
  /** False: the name is taken. */
  add(target: TargetRow): Promise<boolean>
  byId(id: string): Promise<TargetRow | null>
  named(text: string): Promise<TargetRow | null>
  names(): Promise<readonly string[]>
  change(id: string, type: string, config: object): Promise<void>
  /** By name; `after`: a name; `labels`: of their agents. */
  list(
    page: Page,
    filter?: { readonly agentId?: string | undefined; readonly labels?: readonly Label[] | undefined },
  ): Promise<readonly ListedTarget[]>
  /** Without reasons: it is in order again. */
  setDrift(drift: DriftRow): Promise<void>
}

/** How a certificate is renewed. */
export type RenewalPolicy = Pick<
  CertificateRow,
  'renewShare' | 'issuers' | 'keyPolicy' | 'keyType' | 'fallBackAfter' | 'fallBackShare'
>

/** Certificates by their names, with when each is renewed. */
export interface CertificateStore {
  /** With the targets that each version is deployed to. */
  add(certificate: CertificateRow, deployTo: readonly string[]): Promise<void>
  byId(id: string): Promise<CertificateRow | null>
  /** The one with this id, else all with this common name. */
  named(text: string): Promise<readonly CertificateRow[]>
  /** Common names, at most a thousand, to say what may have been meant. */
  names(): Promise<readonly string[]>
  /** By id; `labels`: of their agents. */
  list(page: Page, labels?: readonly Label[]): Promise<readonly CertificateRow[]>
  /** Agents with a certificate that has this name among its own. */
  agentsWith(name: string, limit: number): Promise<readonly string[]>
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
  /** Those that will be looked at until then, and those that nobody looks at any more but that end until then; by id, `after` one. */
  planned(until: number, page: Page): Promise<readonly CertificateRow[]>
  /** What is left out stays. */
  plan(
    id: string,
    plan: Partial<Pick<CertificateRow, 'nextRenewalAt' | 'renewalFailures' | 'lastError' | 'revokedAt' | 'nextSpki'>>,
  ): Promise<void>
  setPolicy(id: string, policy: RenewalPolicy): Promise<void>
}

/** Certificates as they were signed. */
export interface VersionStore {
  add(version: VersionRow): Promise<void>
  newest(certificateId: string): Promise<VersionRow | null>
  numbered(certificateId: string, number: number): Promise<VersionRow | null>
  /** The newest of the certificate that was last deployed to this target. */
  onTarget(targetId: string): Promise<VersionRow | null>
  /** Of one certificate, newest first. */
  list(certificateId: string, limit: number): Promise<readonly VersionRow[]>
  revoke(certificateId: string, number: number, at: number): Promise<void>
  /** All that were revoked and have not ended. */
  revoked(at: number): Promise<readonly VersionRow[]>
}

/** CSRs on their way. */
export interface SigningStore {
  /** False: one of this certificate and key is open. */
  add(signing: SigningRow): Promise<boolean>
  /** The one of this certificate and key that is open. */
  open(certificateId: string, spki: string): Promise<SigningRow | null>
  byId(id: string): Promise<SigningRow | null>
  /** Due ones, put off to `until` so that no other server takes them as well. What is needed first comes first. */
  take(at: number, until: number, limit: number): Promise<readonly SigningRow[]>
  /** False: it was not open any more. */
  end(id: string, state: 'signed' | 'failed', error: string | null): Promise<boolean>
  /** It failed once more. */
  putOff(id: string, until: number, error: string): Promise<void>
  /** It did not fail: it goes on from `until` on. */
  wait(id: string, until: number, reason: string): Promise<void>
  /** Ends as failed the one that this issuance asked for, if it is open. */
  endOf(jobId: string, error: string): Promise<void>
  /** Those of a certificate that failed are due at `at`. */
  hasten(certificateId: string, at: number): Promise<void>
  /** Somebody is busy with it: no other server takes it before `until`. */
  hold(id: string, until: number): Promise<void>
  /** Removes some of those that ended before, `limit` at most. */
  forget(before: number, limit: number): Promise<void>
}

/** What was done, by whom. It only grows. */
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

import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { Presence } from '../../src/server/operation/agent/presence.ts'
import { openSigner } from '../../src/server/operation/certificate/signer.ts'
import { submitCsr } from '../../src/server/operation/certificate/submit-csr.ts'
import { claimWork } from '../../src/server/operation/job/claim-work.ts'
import { recordVerification, reportJob } from '../../src/server/operation/job/report-job.ts'
import { advanceRollouts } from '../../src/server/operation/rollout/advance-rollouts.ts'
import { listRolloutTargets, showRollout } from '../../src/server/operation/rollout/show-rollout.ts'
import { startRollout, type WantedRollout } from '../../src/server/operation/rollout/start-rollout.ts'
import { openStore } from '../../src/server/store/open-store.ts'
import type { AgentRow, JobRow } from '../../src/server/store/rows.ts'
import type { Store } from '../../src/server/store/store.ts'
import { quickIssuer } from './quick-issuer.ts'
import { agentRow, certificateRow } from './store-site.ts'

const dayMs = 86_400_000
/** Of the certificates that are there when a site opens. */
const [ageMs, restMs] = [10 * dayMs, 37 * dayMs]

/** What a host says of a deployment; `null`: it claims it, and says nothing. */
export type Saying = 'proven' | 'unproven' | 'failed' | 'unchanged' | null

/** Hosts with a target each, on which a certificate is; below the operations, without a server. */
export interface RolloutSite {
  readonly store: Store
  readonly agents: readonly AgentRow[]
  /** Names of hosts that were handed a deployment. */
  readonly touched: ReadonlySet<string>
  pass(ms: number): void
  setTime(at: number): void
  /** Starts one for all hosts, and what else is said. */
  start(wanted?: Partial<WantedRollout>): Promise<void>
  /** As the server does in the background. */
  advance(store?: Store): Promise<void>
  /** The host takes its work: keys are made and signed at once, and of each deployment this is said. Returns what it was handed. */
  poll(host: AgentRow, saying?: Saying): Promise<readonly JobRow[]>
  /** All hosts, and of each what is said. */
  pollAll(say?: (host: AgentRow) => Saying): Promise<void>
  say(host: AgentRow, jobId: string, saying: Exclude<Saying, null>): Promise<void>
  verify(host: AgentRow, jobId: string, isVerified: boolean): Promise<void>
  state(): Promise<string>
  /** Of the target of each host, by their order: `waiting`, `open` and so on. */
  states(): Promise<readonly string[]>
  /** Sends all CSRs to be signed that could not be. */
  sign(): Promise<void>
}

/** Opens one; its clock begins at `start` and stands still. */
export async function openRolloutSite(
  t: Test,
  {
    database,
    start,
    hosts,
    features = ['lease', 'cancel'],
  }: {
    /** Of PostgreSQL; undefined: SQLite. */
    readonly database: string | undefined
    readonly start: number
    readonly hosts: number
    readonly features?: readonly string[]
  },
): Promise<RolloutSite> {
  let now = start
  let keys = 0
  const store = await openStore({ dataDir: t.testdir({}), database, now: () => now })
  t.teardown(() => store.close())
  const agents = await store.transaction((inside) => addHosts(inside, hosts, features, start))
  const issuer = await quickIssuer('one', () => false)
  const check = async (csr: string): Promise<string> => createHash('sha256').update(csr).digest('hex')
  const signer = openSigner({ store, issuers: [issuer], check })
  const parts = { store, signer, presence: new Presence(store, start) }
  const touched = new Set<string>()

  const say: RolloutSite['say'] = async (host, jobId, saying) => {
    const outcome = outcomes[saying]
    const status = saying === 'failed' ? 'Failed' : 'Completed'
    const error = saying === 'failed' ? 'VERIFY_FAILED: another leaf is served' : null
    await reportJob(parts, host, { jobId, status, error, outcome })
  }
  const poll: RolloutSite['poll'] = async (host, saying = 'proven') => {
    const claimed = (await claimWork(parts, host)).map(({ job }) => job)
    for (const { id, status, certificateId, type } of claimed) {
      if (status === 'AwaitingCSR')
        await submitCsr(parts, { ...host, features: [] }, { certificateId, csrPem: `key ${(keys += 1)}` })
      else {
        if (type === 'Deployment') touched.add(host.name)
        await reportJob(parts, host, { jobId: id, status: 'Running', error: null, outcome: null })
        if (saying !== null) await say(host, id, saying)
      }
    }
    return claimed
  }
  const advance = (of: Store = store): Promise<void> => advanceRollouts(of)
  return {
    store,
    agents,
    touched,
    pass: (ms) => {
      now += ms
    },
    setTime: (at) => {
      now = at
    },
    advance,
    start: async (wanted = {}) => {
      await startRollout(parts, 'operator:ann', { ...wantedOfAll, ...wanted })
      await advance()
    },
    poll,
    pollAll: async (saying = () => 'proven') => {
      for (const host of agents) await poll(host, saying(host))
    },
    say,
    verify: (host, jobId, verified) =>
      recordVerification(parts, host, jobId, {
        target_id: 'x',
        expected_fingerprint: 'ab',
        actual_fingerprint: verified ? 'ab' : '0'.repeat(64),
        verified,
      }),
    state: async () => (await showRollout(parts, 'r')).rollout.state,
    states: async () => (await listRolloutTargets(parts, 'r', { limit: 1000 })).map(({ state }) => state),
    sign: () => signer.signDue(),
  }
}

const outcomes = {
  proven: { outcome: 'deployed', proven: true },
  unproven: { outcome: 'deployed', proven: false },
  failed: { outcome: 'rolled-back', proven: false },
  unchanged: { outcome: 'unchanged', proven: true },
} as const

const wantedOfAll: WantedRollout = {
  name: 'r',
  action: 'deploy',
  labels: [],
  agents: [],
  targets: [],
  isAll: true,
  first: [],
  shares: [100],
  stopHosts: 1,
  stopShare: null,
  window: null,
  deadlineMs: 3_600_000,
}

async function addHosts(
  store: Store,
  count: number,
  features: readonly string[],
  start: number,
): Promise<readonly AgentRow[]> {
  const hosts: AgentRow[] = []
  for (let place = 1; place <= count; place += 1) {
    const number = String(place).padStart(4, '0')
    const host = agentRow({ id: `agent-${number}`, name: `mail-${number}`, features, registeredAt: start })
    const [targetId, certificateId] = [`target-${number}`, `cert-${number}`]
    await store.agents.add(host)
    await store.targets.add({ id: targetId, name: targetId, agentId: host.id, type: 'Postfix', config: {} })
    const commonName = `${host.name}.example.net`
    await store.certificates.add(certificateRow({ id: certificateId, agentId: host.id, commonName }), [targetId])
    await store.versions.add({
      certificateId,
      number: 1,
      serial: number,
      pem: 'PEM',
      notBefore: start - ageMs,
      notAfter: start + restMs,
      spki: number,
      fingerprint: `first-${number}`,
      issuer: 'one',
      issuedAt: start - ageMs,
      revokedAt: null,
    })
    await store.jobs.add({
      id: `job-of-${number}`,
      type: 'Deployment',
      status: 'Pending',
      agentId: host.id,
      certificateId,
      targetId,
      versionNumber: 1,
      createdAt: start - ageMs,
    })
    const finish = { id: `job-of-${number}`, agentId: host.id, status: 'Completed', error: null } as const
    await store.jobs.finish({ ...finish, outcome: { outcome: 'deployed', proven: true }, at: start - ageMs })
    hosts.push(host)
  }
  return hosts
}

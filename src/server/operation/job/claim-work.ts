import type { SignedOrder } from '../../../order/signed-order.ts'
import type { ChallengeRow } from '../../store/challenge-store.ts'
import type { News } from '../../store/job-store.ts'
import type { AgentRow, CertificateRow, JobRow, TargetRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { publishedKeys } from '../dane/published-keys.ts'
import { orderFor } from '../order/order-for.ts'
import type { Parts } from '../parts.ts'
import { newerOnHost } from '../renewal/newer-on-host.ts'
import { roomFor } from './room-for.ts'

/** In one answer, where they are short. */
const mostJobs = 100
/** For so long a claim is an agent's before it says that it works on the job. */
export const leaseMs = 5 * 60_000

/** What there is for an agent. */
export interface Work {
  readonly jobs: readonly ClaimedJob[]
  /** Ids of jobs that it is asked to cancel; for agents that know it. */
  readonly cancel: readonly string[]
}

/** A job with what its agent needs for it. */
export interface ClaimedJob {
  readonly job: JobRow
  readonly certificate: CertificateRow
  readonly target: TargetRow | null
  readonly version: VersionRow | null
  /** What its host is to answer; null: it is of another type. */
  readonly challenge: ChallengeRow | null
  /** What covers it; null: nothing that is sent to this agent. */
  readonly order: SignedOrder | null
  /** SPKI digests of keys that its host keeps; of a CSR. */
  readonly keptKeys: readonly string[]
}

/** What an agent is to do: deployments and the like become its own with this call, CSRs are asked for until they are signed. */
export async function lookForWork({ store }: Pick<Parts, 'store'>, agent: AgentRow): Promise<Work> {
  const at = await store.now()
  const { work, cancel: asked } = await store.jobs.newsFor(agent.id, at)
  const cancel = agent.features.includes('cancel') ? asked : []
  return { jobs: work.size === 0 ? [] : await claim(store, agent, at, work), cancel }
}

/** The same without what it is asked to cancel. */
export async function claimWork(parts: Pick<Parts, 'store'>, agent: AgentRow): Promise<readonly ClaimedJob[]> {
  return (await lookForWork(parts, agent)).jobs
}

async function claim(store: Store, agent: AgentRow, at: number, work: News['work']): Promise<readonly ClaimedJob[]> {
  // Nothing changes hands: a poll that is told the same until it is done waits for nobody who writes.
  if (!work.has('Pending')) return csrsFor(store, agent, at, await roomFor(store, agent, mostJobs))
  return store.transaction(async (inside) => {
    const isHeld = (await inside.holds.of(agent.id)) !== null
    const limit = await roomFor(inside, agent, mostJobs)
    const lease = agent.features.includes('lease') ? leaseMs : null
    const claimed = await inside.jobs.claim({ agentId: agent.id, at, leaseMs: lease, limit, isHeld })
    if (isHeld && claimed.length > 0) await inside.holds.asked(agent.id, at)
    if (claimed.length > 0)
      await audit(inside, `agent:${agent.id}`, 'job.claim', agent.id, { jobs: claimed.map(({ id }) => id) })
    const items: ClaimedJob[] = []
    for (const job of claimed) items.push(await withDetails(inside, agent, job))
    return [...items, ...(await csrsFor(inside, agent, at, limit - claimed.length))]
  })
}

/** What it is asked for; nothing as long as it is asked first what it has. */
async function csrsFor(store: Store, agent: AgentRow, at: number, limit: number): Promise<readonly ClaimedJob[]> {
  if ((await store.holds.of(agent.id)) !== null) return []
  const items: ClaimedJob[] = []
  for (const job of await store.jobs.awaitingCsr(agent.id, at, limit)) {
    const certificate = await certificateOf(store, job)
    items.push({
      job,
      certificate,
      target: null,
      version: await versionOnHost(store, job),
      keptKeys: agent.features.includes('keys') ? await publishedKeys(store, certificate.id) : [],
      challenge: null,
      order: await orderFor(store, agent, job, certificate),
    })
  }
  return items
}

async function withDetails(store: Store, agent: AgentRow, job: JobRow): Promise<ClaimedJob> {
  const certificate = await certificateOf(store, job)
  return {
    job,
    certificate,
    order: await orderFor(store, agent, job, certificate),
    target: job.targetId === null ? null : await store.targets.byId(job.targetId),
    version: await versionOf(store, job),
    challenge: job.type === 'Challenge' ? await store.challenges.of(job.id) : null,
    keptKeys: [],
  }
}

/** Null: there is none, or its host has a newer one that this database does not know: which key is used again, the host knows. */
async function versionOnHost(store: Store, { certificateId }: JobRow): Promise<VersionRow | null> {
  const newest = await store.versions.newest(certificateId)
  return newest === null || (await newerOnHost(store, certificateId, newest)).seen.length > 0 ? null : newest
}

/** A target goes back to the version that was meant then, and gets the newest otherwise. */
async function versionOf(
  { versions }: Store,
  { type, certificateId, versionNumber }: JobRow,
): Promise<VersionRow | null> {
  const meant =
    type === 'TakeBack' && versionNumber !== null ? await versions.numbered(certificateId, versionNumber) : null
  return meant ?? versions.newest(certificateId)
}

async function certificateOf(store: Store, { certificateId }: JobRow): Promise<CertificateRow> {
  const certificate = await store.certificates.byId(certificateId)
  if (certificate === null) throw new Error('a job has no certificate')
  return certificate
}

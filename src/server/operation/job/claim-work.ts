import type { AgentRow, CertificateRow, JobRow, TargetRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'

/** In one answer: what is claimed in an answer that an agent finds too large is lost. */
const mostJobs = 100
/** For so long a claim is an agent's before it says that it works on the job. */
export const leaseMs = 5 * 60_000

/** A job with what its agent needs for it. */
export interface ClaimedJob {
  readonly job: JobRow
  readonly certificate: CertificateRow
  readonly target: TargetRow | null
  readonly version: VersionRow | null
}

/** What an agent is to do: deployments and the like become its own with this call, CSRs are asked for until they are signed. */
export async function claimWork({ store }: Pick<Parts, 'store'>, agent: AgentRow): Promise<readonly ClaimedJob[]> {
  const at = await store.now()
  if (!(await store.jobs.isWorkFor(agent.id, at))) return []
  return store.transaction(async (inside) => {
    const isHeld = (await inside.holds.of(agent.id)) !== null
    const lease = agent.features.includes('lease') ? leaseMs : null
    const claimed = await inside.jobs.claim({ agentId: agent.id, at, leaseMs: lease, limit: mostJobs, isHeld })
    if (isHeld && claimed.length > 0) await inside.holds.asked(agent.id, at)
    const csrs = isHeld ? [] : await inside.jobs.awaitingCsr(agent.id, at, mostJobs - claimed.length)
    if (claimed.length > 0)
      await audit(inside, `agent:${agent.id}`, 'job.claim', agent.id, { jobs: claimed.map(({ id }) => id) })
    const items: ClaimedJob[] = []
    for (const job of [...claimed, ...csrs]) items.push(await withDetails(inside, job))
    return items
  })
}

async function withDetails(store: Store, job: JobRow): Promise<ClaimedJob> {
  const certificate = await store.certificates.byId(job.certificateId)
  if (certificate === null) throw new Error('a job has no certificate')
  return {
    job,
    certificate,
    target: job.targetId === null ? null : await store.targets.byId(job.targetId),
    version: await store.versions.newest(job.certificateId),
  }
}

import type { Page } from '../../store/page.ts'
import type { JobRow, JobStatus, ListedJob } from '../../store/rows.ts'
import { agentNamed, targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { expireJobs } from './reap.ts'

/** Which jobs are listed: agent and target by id or name. */
export interface WantedJobs {
  readonly agent?: string | undefined
  readonly target?: string | undefined
  readonly status?: JobStatus | undefined
}

/** Jobs, newest first, as they are after the reaper has looked. */
export async function listJobs(
  { store, presence }: Pick<Parts, 'store' | 'presence'>,
  page: Page,
  { agent, target, status }: WantedJobs = {},
): Promise<readonly ListedJob[]> {
  await endAll(store, presence)
  const agentId = agent === undefined ? undefined : (await agentNamed(store, agent)).id
  const targetId = target === undefined ? undefined : (await targetNamed(store, target)).id
  return store.jobs.list(page, { agentId, targetId, status })
}

/** One job. */
export async function findJob({ store, presence }: Pick<Parts, 'store' | 'presence'>, id: string): Promise<JobRow> {
  await endAll(store, presence)
  const job = await store.jobs.byId(id)
  if (job === null) throw new Refusal('missing', 'there is no such job')
  return job
}

/** Nobody is shown a job that is over. */
async function endAll(store: Parts['store'], presence: Parts['presence']): Promise<void> {
  await presence.reap()
  await expireJobs(store)
}

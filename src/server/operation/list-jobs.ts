import type { JobRow, ListedJob } from '../store/rows.ts'
import type { Page } from '../store/store.ts'
import type { Parts } from './parts.ts'
import { Refusal } from './refusal.ts'

/** Jobs, newest first, as they are after the reaper has looked. */
export async function listJobs(
  { store, presence }: Pick<Parts, 'store' | 'presence'>,
  page: Page,
): Promise<readonly ListedJob[]> {
  await presence.reap()
  return store.jobs.list(page)
}

/** One job. */
export async function findJob({ store, presence }: Pick<Parts, 'store' | 'presence'>, id: string): Promise<JobRow> {
  await presence.reap()
  const job = await store.jobs.byId(id)
  if (job === null) throw new Refusal('missing', 'there is no such job')
  return job
}

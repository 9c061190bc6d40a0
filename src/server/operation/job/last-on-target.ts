import { mayHaveChanged } from '../../rollout/judge.ts'
import type { JobRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/** More of them one after the other stand for what was done before them. */
const mostGivenUp = 20

/** A rollback that its host only asked for: it has touched nothing, and says nothing of what is on the target. */
export function isOnlyAsked(job: JobRow): boolean {
  return job.isByHost && job.status !== 'Completed' && !mayHaveChanged(job)
}

/** The newest deployment or take-back of a target that was to change something, whatever became of it; null: there is none. */
export async function lastOnTarget({ jobs }: Store, targetId: string): Promise<JobRow | null> {
  const newest = await jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], false, mostGivenUp)
  return newest.find((job) => !isOnlyAsked(job)) ?? null
}

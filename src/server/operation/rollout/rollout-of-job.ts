import type { RolloutRow } from '../../store/rollout-rows.ts'
import type { Store } from '../../store/store.ts'

/**
 * The roll-out that a job is part of, kept from others until the end of the transaction; null: it is part of none. Who will change the job
 * asks this first: a roll-out that stops has itself before its jobs, and two would wait for each other.
 */
export async function lockRolloutOf(store: Store, jobId: string): Promise<RolloutRow | null> {
  const [row] = await store.rollouts.ofJob(jobId)
  return row === undefined ? null : store.rollouts.lock(row.rolloutId)
}

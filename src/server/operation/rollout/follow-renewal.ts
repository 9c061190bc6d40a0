import type { RolloutRow } from '../../store/rollout-rows.ts'
import type { Store } from '../../store/store.ts'
import { anyTime, type HandOutTimes, handOutTimes } from './hand-out-times.ts'

/** A renewal that is part of a roll-out, and was signed. */
export interface RolloutPart {
  readonly rollout: RolloutRow
  readonly issuanceId: string
}

/** When the deployments of what was signed are handed out: a renewal that waits for no window has deployments that wait for none. */
export async function timesOfPart(store: Store, { rollout, issuanceId }: RolloutPart): Promise<HandOutTimes> {
  if (rollout.state !== 'running') return anyTime
  const at = await store.now()
  const rows = await store.rollouts.ofJob(issuanceId)
  const isNear = rows.some(({ nearEndAt }) => nearEndAt !== null && nearEndAt <= at)
  const isJoined = rows.some((row) => row.isJoined)
  const issuance = await store.jobs.byId(issuanceId)
  const isFree = isNear || (!isJoined && issuance?.handOutUntil === null)
  return isFree ? anyTime : handOutTimes(rollout, at)
}

/** The target has this deployment now, and is known by it from now on. */
export async function followDeployment(
  store: Store,
  { issuanceId }: RolloutPart,
  targetId: string,
  jobId: string,
): Promise<void> {
  const row = (await store.rollouts.ofJob(issuanceId)).find((one) => one.targetId === targetId)
  if (row === undefined) return
  const notBefore = (await store.jobs.byId(jobId))?.notBefore ?? null
  const since = Math.max(row.since ?? 0, notBefore ?? 0)
  await store.rollouts.changeTarget(row, { jobId, since })
}

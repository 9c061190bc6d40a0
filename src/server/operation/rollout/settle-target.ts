import { judge } from '../../rollout/judge.ts'
import type { RolloutRow, RolloutTargetRow } from '../../store/rollout-rows.ts'
import type { JobRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { anyTime, handOutTimes } from './hand-out-times.ts'
import { stopIfDue } from './stop-rollout.ts'

/** In a list of a thousand; all of it is in the job. */
const longestError = 500

/** Begun again when its time comes. */
const again = {
  state: 'waiting',
  since: null,
  jobId: null,
  issuanceId: null,
  isJoined: false,
  isRecalled: false,
} as const

/** Takes what became of a job into its roll-out, which stops at once where too much failed. Call it with the roll-out locked. */
export async function noteJob(store: Store, rollout: RolloutRow, jobId: string): Promise<void> {
  const at = await store.now()
  for (const row of await store.rollouts.ofJob(jobId)) await settleTarget(store, rollout, row, at)
  await stopIfDue(store, rollout, at)
}

/** Looks at a target whose turn has come, and keeps what became of it. Call it with the roll-out locked. */
export async function settleTarget(
  store: Store,
  rollout: RolloutRow,
  row: RolloutTargetRow,
  at: number,
): Promise<void> {
  const job = await jobOf(store, row)
  if (job === null) return
  const isRenewed = row.jobId === null && job.status === 'Completed'
  if (isRenewed) return skip(store, row, 'the new certificate is not for it: it has got another one since')
  const { word, error } = judge(job)
  if (word === 'proven') return store.rollouts.changeTarget(row, { state: 'proven', error: null })
  if (word === 'failed' && (await isOfRetired(store, row, job))) return skip(store, row, 'its agent is retired')
  if (word === 'failed')
    return store.rollouts.changeTarget(row, { state: 'failed', error: error?.slice(0, longestError) ?? null })
  if (row.state !== 'open') return
  if (word === 'recalled')
    return row.isRecalled
      ? store.rollouts.changeTarget(row, { ...again, spentMs: spentBy(row, job) })
      : skip(store, row, 'an operator cancelled its job')
  if (row.since !== null && row.since + rollout.deadlineMs - row.spentMs <= at)
    return giveUp(store, rollout, row, job, at)
  if (word === 'open') await keepTimes(store, rollout, row, job, at)
}

/** Nobody will say what became of it. */
async function isOfRetired(
  store: Store,
  { agentId }: RolloutTargetRow,
  { status, isReaped }: JobRow,
): Promise<boolean> {
  return (status === 'Cancelled' || isReaped) && (await store.agents.named(agentId))?.status !== 'active'
}

/** Its deployment, else the job that makes its key. */
function jobOf(store: Store, { jobId, issuanceId }: RolloutTargetRow): Promise<JobRow | null> {
  const id = jobId ?? issuanceId
  return id === null ? Promise.resolve(null) : store.jobs.byId(id)
}

function skip(store: Store, row: RolloutTargetRow, error: string): Promise<void> {
  return store.rollouts.changeTarget(row, { state: 'skipped', error })
}

/** What it says later still counts; what it has not begun it does not begin. */
async function giveUp(
  store: Store,
  { deadlineMs }: RolloutRow,
  row: RolloutTargetRow,
  { id, status }: JobRow,
  at: number,
): Promise<void> {
  const minutes = Math.round(deadlineMs / 60_000)
  const what = status === 'Completed' ? 'unproven: no listener was looked at' : `silent: its job is ${status}`
  await store.rollouts.changeTarget(row, {
    state: 'failed',
    error: `${what}, ${minutes} minutes after it could be done`,
  })
  if (status !== 'Completed' && !(row.jobId === null && row.isJoined)) await callBack(store, row, id, status, at)
}

/** Nobody begins it from now on. False: it has begun. */
async function callBack(
  store: Store,
  row: RolloutTargetRow,
  jobId: string,
  status: JobRow['status'],
  at: number,
): Promise<boolean> {
  if (status === 'Running') return false
  await store.jobs.cancel(jobId, at)
  await store.rollouts.changeTarget(row, { isRecalled: true })
  return true
}

/** What of its time has gone by when its window ends. */
function spentBy({ since, spentMs }: RolloutTargetRow, { handOutUntil }: JobRow): number {
  return spentMs + (handOutUntil === null || since === null ? 0 : Math.max(0, handOutUntil - since))
}

/** At the end of a window what was not begun waits for the next one; where the end of its certificate is near, for none. */
async function keepTimes(
  store: Store,
  rollout: RolloutRow,
  row: RolloutTargetRow,
  job: JobRow,
  at: number,
): Promise<void> {
  const isNear = row.nearEndAt !== null && row.nearEndAt <= at
  const isOver = job.handOutUntil !== null && job.handOutUntil <= at
  if (job.handOutUntil === null || !(isOver || (isNear && (job.notBefore ?? 0) > at))) return
  const times = isNear ? anyTime : handOutTimes(rollout, at)
  const isUntaken = await store.jobs.postpone(job.id, times.notBefore, times.handOutUntil)
  if (!isUntaken && !(await callBack(store, row, job.id, job.status, at))) return
  // The answer that handed it out may have been lost: then it is called back when it comes again.
  if (!isUntaken) await store.jobs.offerAgain(job.id, times.notBefore, times.handOutUntil)
  const spentMs = isOver ? spentBy(row, job) : row.spentMs
  await store.rollouts.changeTarget(row, { since: times.notBefore ?? at, spentMs, isHurried: isNear })
  if (isNear) await audit(store, 'server', 'rollout.hurry', rollout.id, { job: job.id, target: row.targetId })
}

import { mayHaveChanged } from '../../rollout/judge.ts'
import type { RolloutRow, RolloutTargetRow } from '../../store/rollout-rows.ts'
import type { VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import { whyNotDeployable } from '../job/deploy-certificate.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { rolloutNamed } from './rollout-named.ts'

const atOnce = 50

/** Has every target that a roll-out has changed go back to the pair that it had before. What is under way ends first. */
export function takeBackRollout({ store }: Pick<Parts, 'store'>, actor: Actor, name: string): Promise<RolloutRow> {
  return store.transaction(async (inside) => {
    const { id } = await rolloutNamed(inside, name)
    const rollout = await inside.rollouts.lock(id)
    if (rollout === null) throw new Error('a roll-out was removed')
    if (rollout.state === 'taking-back' || rollout.state === 'taken-back')
      throw new Refusal('conflict', 'the roll-out is being taken back already: waxseal control-plane rollout show')
    const at = await inside.now()
    const cancelled = await inside.rollouts.cancelUntaken(id, 'its roll-out is taken back', at)
    const change = { state: 'taking-back', endedAt: rollout.endedAt ?? at } as const
    await inside.rollouts.change(id, change)
    await audit(inside, actor, 'rollout.take-back', id, { cancelled })
    return { ...rollout, ...change }
  })
}

/** Tells some of its targets to go back; false: there is none any more that is known to be changed. Call it with the roll-out locked. */
export async function takeBackNext(store: Store, { id }: RolloutRow): Promise<boolean> {
  const rows = await store.rollouts.toTakeBack(id, atOnce)
  const jobs: string[] = []
  for (const row of rows) {
    const jobId = await takeBack(store, row)
    if (jobId !== null) jobs.push(jobId)
  }
  if (jobs.length > 0) await audit(store, 'server', 'rollout.take-back-jobs', id, { jobs })
  if (rows.length > 0) return true
  if ((await store.rollouts.countOpen(id)) === 0) await store.rollouts.change(id, { state: 'taken-back' })
  return false
}

/** Returns the job; null: there is none, and the row says why. */
async function takeBack(store: Store, row: RolloutTargetRow): Promise<string | null> {
  const { agentId, certificateId, targetId, beforeVersion } = row
  const before = beforeVersion === null ? null : await store.versions.numbered(certificateId, beforeVersion)
  const why = await whyNot(store, row, before)
  if (why !== null) {
    await store.rollouts.changeTarget(row, { takeBackNote: why })
    return null
  }
  const versionNumber = beforeVersion
  const jobId = await addJob(store, { type: 'TakeBack', agentId, certificateId, targetId, versionNumber })
  await store.rollouts.changeTarget(row, { takeBackId: jobId })
  return jobId
}

async function whyNot(
  store: Store,
  { agentId, jobId, targetId }: RolloutTargetRow,
  before: VersionRow | null,
): Promise<string | null> {
  const job = jobId === null ? null : await store.jobs.byId(jobId)
  if (job === null || !mayHaveChanged(job)) return 'it was not changed'
  const [last] = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], true, 1)
  if (last !== undefined && last.seq > job.seq) return 'it has got another certificate since'
  if (before === null) return 'what it had before is not known here: waxseal rollback on the host'
  if (before.number === job.versionNumber) return 'it had the same certificate before'
  if (before.notAfter <= (await store.now())) return 'what it had before has ended'
  if ((await store.agents.named(agentId))?.status !== 'active') return 'its agent is retired'
  return whyNotDeployable(before) === null ? null : 'what it had before was revoked'
}

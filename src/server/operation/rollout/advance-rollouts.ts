import type { RolloutRow } from '../../store/rollout-rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { planRedeployment } from '../renewal/redeploy.ts'
import { beginTargets } from './begin-targets.ts'
import { settleTarget } from './settle-target.ts'
import { stopIfDue } from './stop-rollout.ts'
import { takeBackNext } from './take-back-rollout.ts'

/** In one transaction: a report of one of its jobs waits for no more. */
const [settledAtOnce, begunAtOnce, endedAtOnce] = [200, 50, 1000]

/**
 * Takes every roll-out as far as it goes now. Any number of servers may do it at any time, and none of them leads: each takes those that no
 * other has.
 */
export async function advanceRollouts(store: Store): Promise<void> {
  for (const id of await store.rollouts.live()) await advanceRollout(store, id)
}

/** The same with one. */
async function advanceRollout(store: Store, id: string): Promise<void> {
  for (let after: string | null = ''; after !== null; ) {
    const from: string = after
    after = await store.transaction((inside) => settlePart(inside, id, from))
  }
  while (await store.transaction((inside) => goOn(inside, id)));
}

/** Looks at a part of what is under way; returns where the next part begins, null: there is none, or another server is at it. */
async function settlePart(store: Store, id: string, after: string): Promise<string | null> {
  const rollout = await store.rollouts.take(id)
  if (rollout === null) return null
  const at = await store.now()
  const rows = await store.rollouts.unsettled(id, at, at - rollout.deadlineMs, { after, limit: settledAtOnce })
  for (const row of rows) await settleTarget(store, rollout, row, at)
  const isStopped = await stopIfDue(store, rollout, at)
  return isStopped || rows.length < settledAtOnce ? null : (rows.at(-1)?.targetId ?? null)
}

/** One step; false: it waits for its hosts, for an operator, or is over. */
async function goOn(store: Store, id: string): Promise<boolean> {
  const rollout = await store.rollouts.take(id)
  if (rollout?.state === 'taking-back') return takeBackNext(store, rollout)
  if (rollout?.state !== 'running') return false
  const at = await store.now()
  const next = await store.rollouts.waiting(id, rollout.wave, begunAtOnce)
  if (next.length > 0) {
    await beginTargets(store, rollout, next, at)
    // What could not even begin has failed.
    return !(await stopIfDue(store, rollout, at))
  }
  if ((await store.rollouts.countOpen(id, rollout.wave)) > 0) return false
  const [following] = (await store.rollouts.waveCounts(id)).filter(({ wave }) => wave > rollout.wave)
  if (following === undefined) return finish(store, rollout, at)
  await store.rollouts.change(id, { wave: following.wave })
  await audit(store, 'server', 'rollout.wave', id, { wave: following.wave, hosts: following.hosts })
  return true
}

async function finish(store: Store, { id }: RolloutRow, at: number): Promise<false> {
  await store.rollouts.change(id, { state: 'done', endedAt: at })
  await leaveToScheduler(store, id)
  await audit(store, 'server', 'rollout.done', id)
  return false
}

/** What failed is tried again from now on as anything else that failed. */
export async function leaveToScheduler(store: Store, id: string): Promise<void> {
  for (const { jobId } of await store.rollouts.listTargets(id, { limit: endedAtOnce }, 'failed')) {
    const job = jobId === null ? null : await store.jobs.byId(jobId)
    if (job?.status === 'Failed') await planRedeployment(store, job)
  }
}

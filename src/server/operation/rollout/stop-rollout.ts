import { whyStop } from '../../rollout/stop-rule.ts'
import type { RolloutRow } from '../../store/rollout-rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'

/** Stops a roll-out where so many hosts failed that it stops itself. Call it with the roll-out locked. */
export async function stopIfDue(
  store: Store,
  { id, state, stopHosts, stopShare }: RolloutRow,
  at: number,
): Promise<boolean> {
  if (state !== 'running') return false
  const reason = whyStop({ hosts: stopHosts, share: stopShare }, await store.rollouts.waveCounts(id))
  if (reason !== null) await stop(store, id, reason, at)
  return reason !== null
}

/** Stops all that run, for a reason that is none of theirs. Call it in a transaction. */
export async function stopAll(store: Store, reason: string): Promise<void> {
  const at = await store.now()
  for (const id of await store.rollouts.live())
    if ((await store.rollouts.lock(id))?.state === 'running') await stop(store, id, reason, at)
}

/** Nobody begins what has not begun. */
async function stop(store: Store, id: string, reason: string, at: number): Promise<void> {
  await store.rollouts.change(id, { state: 'stopped', reason })
  const cancelled = await store.rollouts.cancelUntaken(id, `its roll-out stopped: ${reason}`, at)
  await audit(store, 'server', 'rollout.stop', id, { reason, cancelled })
}

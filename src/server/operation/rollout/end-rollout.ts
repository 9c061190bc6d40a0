import type { RolloutRow } from '../../store/rollout-rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { leaveToScheduler } from './advance-rollouts.ts'
import { rolloutNamed } from './rollout-named.ts'

/**
 * Has a roll-out that stopped go on: what failed so far stops it no more. `isRetry`: the targets that failed are tried once more, first of all.
 */
export function resumeRollout(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  name: string,
  isRetry: boolean,
): Promise<RolloutRow> {
  return store.transaction(async (inside) => {
    const rollout = await locked(inside, name)
    if (rollout.state !== 'stopped') throw new Refusal('conflict', `the roll-out is ${rollout.state}, and not stopped`)
    await inside.rollouts.forgive(rollout.id, isRetry ? rollout.wave : null)
    const change = { state: 'running', reason: null } as const
    await inside.rollouts.change(rollout.id, change)
    await audit(inside, actor, 'rollout.resume', rollout.id, { isRetry })
    return { ...rollout, ...change }
  })
}

/** Ends a roll-out where it is: what has not begun never begins, what has goes on. */
export function abandonRollout({ store }: Pick<Parts, 'store'>, actor: Actor, name: string): Promise<RolloutRow> {
  return store.transaction(async (inside) => {
    const rollout = await locked(inside, name)
    if (rollout.state !== 'running' && rollout.state !== 'stopped')
      throw new Refusal('conflict', `the roll-out is ${rollout.state} already: nothing of it is left to abandon`)
    const at = await inside.now()
    const cancelled = await inside.rollouts.cancelUntaken(rollout.id, 'its roll-out was abandoned', at)
    const change = { state: 'abandoned', endedAt: at } as const
    await inside.rollouts.change(rollout.id, change)
    await leaveToScheduler(inside, rollout.id)
    await audit(inside, actor, 'rollout.abandon', rollout.id, { cancelled })
    return { ...rollout, ...change }
  })
}

async function locked(store: Store, name: string): Promise<RolloutRow> {
  const { id } = await rolloutNamed(store, name)
  const rollout = await store.rollouts.lock(id)
  if (rollout === null) throw new Error('a roll-out was removed')
  return rollout
}

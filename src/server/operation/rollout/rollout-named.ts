import { nearest } from '../../../error/nearest.ts'
import type { RolloutRow } from '../../store/rollout-rows.ts'
import type { Store } from '../../store/store.ts'
import { Refusal } from '../refusal.ts'

/** The roll-out that has this text as its id, else as its name. */
export async function rolloutNamed({ rollouts }: Pick<Store, 'rollouts'>, text: string): Promise<RolloutRow> {
  const rollout = await rollouts.named(text)
  if (rollout !== null) return rollout
  const meant = nearest(text, await rollouts.names())
  throw new Refusal('missing', `there is no such roll-out: ${text}${meant === null ? '' : `; is ${meant} meant?`}`)
}

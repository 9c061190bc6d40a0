import type { ListedRolloutTarget, RolloutTargetState } from '../../store/rollout-rows.ts'
import type { Parts } from '../parts.ts'
import { listRollouts, listRolloutTargets, type ShownRollout, showRollout } from '../rollout/show-rollout.ts'
import { type Listed, partOf } from './fleet-lists.ts'

/** Each counts all of its targets. */
const aPage = 10

/** Roll-outs, the newest first. */
export async function fleetRollouts(
  { store }: Pick<Parts, 'store'>,
  after: string | undefined,
): Promise<Listed<ShownRollout>> {
  const read = partOf({ at: await store.now(), after, size: aPage })
  return read(
    (page) => listRollouts({ store }, page),
    ({ rollout }) => rollout.name,
  )
}

/** One roll-out, and its targets by their ids. Refuses ('missing') where there is none of this name. */
export async function fleetRollout(
  { store }: Pick<Parts, 'store'>,
  name: string,
  { after, state }: { readonly after?: string | undefined; readonly state?: RolloutTargetState | undefined },
): Promise<{ readonly shown: ShownRollout; readonly listed: Listed<ListedRolloutTarget> }> {
  const read = partOf({ at: await store.now(), after })
  const listed = await read(
    (page) => listRolloutTargets({ store }, name, page, state),
    ({ targetId }) => targetId,
  )
  return { shown: await showRollout({ store }, name), listed }
}

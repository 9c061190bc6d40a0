import { listRollovers, type ShownRollover } from '../dane/show-rollovers.ts'
import type { Parts } from '../parts.ts'
import { type Listed, ofHost, partOf, type Wanted } from './fleet-lists.ts'

/** Targets with roll-over, by name. */
export async function fleetRollovers(
  { store }: Pick<Parts, 'store'>,
  { after, host }: Wanted<object>,
): Promise<Listed<ShownRollover>> {
  const read = ofHost(store, host, (page, agentId) => listRollovers({ store }, page, agentId))
  return partOf({ at: await store.now(), after })(read, ({ rollover }) => rollover.targetName)
}

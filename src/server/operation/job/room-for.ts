import { longestIssuers } from '../../../order/signed-order.ts'
import type { AgentRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/** Of jobs in one answer. An agent takes no answer of more than 1 MiB, and what was claimed in it would be lost. */
const mostBytes = 600_000
/** Of a job without its order, its names and its target's configuration: ids, times, names of things. */
const restBytes = 2048

/** How many jobs an answer has room for, if each were as long as the longest: with its names, its target's configuration and its order. */
export async function roomFor(
  store: Pick<Store, 'jobs' | 'orders'>,
  { id, features }: Pick<AgentRow, 'id' | 'features'>,
  most: number,
): Promise<number> {
  const longestOrder = features.includes('order') ? await store.orders.longestOf(id) : 0
  const orderBytes = longestOrder === 0 ? 0 : longestOrder + longestIssuers
  const eachBytes = restBytes + (await store.jobs.longestOf(id)) + orderBytes
  return Math.max(1, Math.min(most, Math.floor(mostBytes / eachBytes)))
}

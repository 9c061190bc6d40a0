import { isOrdered } from '../../../order/is-ordered.ts'
import { longestIssuers, readSigned } from '../../../order/signed-order.ts'
import type { OrderRow } from '../../store/order-store.ts'
import type { AgentRow, CertificateRow, JobRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/** What an agent is sent with a job: the order of its target; for a CSR that of a target which has its names. Null: none is kept, or it knows none. */
export async function orderFor(
  store: Store,
  { features }: Pick<AgentRow, 'features'>,
  { targetId }: JobRow,
  { id, commonName, sans }: CertificateRow,
): Promise<OrderRow | null> {
  if (!features.includes('order')) return null
  if (targetId !== null) return store.orders.of(targetId)
  const orders = await store.orders.forCertificate(id)
  const asked = [commonName, ...sans]
  return orders.find((row) => asked.every((name) => isOrdered(name, { names: namesIn(row) }))) ?? orders[0] ?? null
}

/** What nobody can read has none: it holds up no other job. */
function namesIn(row: OrderRow): readonly string[] {
  try {
    return readSigned(row).names
  } catch {
    return []
  }
}

/** Characters of orders in one answer. An agent takes no answer of more than 1 MiB, and what was claimed in it would be lost. */
const mostCharacters = 600_000

/** How many jobs with their orders an answer has room for. */
export async function roomFor(
  store: Store,
  { id, features }: Pick<AgentRow, 'id' | 'features'>,
  most: number,
): Promise<number> {
  const longest = features.includes('order') ? await store.orders.longestOf(id) : 0
  return longest === 0 ? most : Math.min(most, Math.floor(mostCharacters / (longest + longestIssuers)))
}

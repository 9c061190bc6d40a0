import { isOrdered } from '../../../order/is-ordered.ts'
import { readSigned } from '../../../order/signed-order.ts'
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

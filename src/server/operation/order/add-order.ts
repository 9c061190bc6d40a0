import { describeError, WaxsealError } from '../../../error/waxseal-error.ts'
import { readSigned, type SignedOrder } from '../../../order/signed-order.ts'
import type { StandingOrder } from '../../../order/standing-order.ts'
import type { TargetRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'

/** An order that is kept, with the target that it is for. */
export interface KeptOrder {
  readonly target: TargetRow
  readonly order: StandingOrder
}

/**
 * Keeps an order for its target, in place of an older one. Its form is checked, for a job that fails is found later; whether its key is
 * one that the host pins, only the host knows.
 */
export async function addOrder({ store }: Pick<Parts, 'store'>, actor: Actor, signed: SignedOrder): Promise<KeptOrder> {
  const order = orderIn(signed)
  return store.transaction(async (inside) => {
    const target = await inside.targets.byId(order.target.id)
    if (target === null)
      throw new Refusal('missing', 'no target has the id that the order names: print it again with order TARGET')
    await requireNewer(inside, order, signed)
    const addedAt = await inside.now()
    const { document, signature, key } = signed
    const { sequence } = order
    await inside.orders.put({ targetId: target.id, document, signature, key, sequence, addedAt, addedBy: actor })
    await audit(inside, actor, 'order.add', target.id, { sequence, key, not_after: order.not_after })
    return { target, order }
  })
}

/** Each host would refuse it. */
async function requireNewer(store: Store, { sequence, target }: StandingOrder, signed: SignedOrder): Promise<void> {
  const kept = await store.orders.of(target.id)
  if (kept === null || kept.document === signed.document || kept.sequence < sequence) return
  throw new Refusal(
    'conflict',
    `an order with the sequence ${kept.sequence} is kept for this target: sign it again, with a higher one`,
  )
}

function orderIn(signed: SignedOrder): StandingOrder {
  try {
    return readSigned(signed)
  } catch (error) {
    if (!(error instanceof WaxsealError)) throw error
    throw new Refusal('invalid', `${error.code}: ${describeError(error)}`)
  }
}

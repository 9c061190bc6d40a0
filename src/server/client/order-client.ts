import type { SignedOrder } from '../../order/signed-order.ts'
import type { DraftOrder } from '../operation/order/draft-order.ts'
import type { Call } from './people-client.ts'

/** What is said of an order that was kept. */
export interface AddedOrder {
  readonly target: string
  readonly host: string
  readonly sequence: number
  readonly not_after: string
}

/** The operator's calls about standing orders. */
export interface OrderCalls {
  /** What is to be signed for a target, by id or name. */
  draftOrder(target: string): Promise<DraftOrder>
  addOrder(signed: SignedOrder): Promise<AddedOrder>
}

/** These calls over the client's own. */
export function orderCalls(call: Call): OrderCalls {
  return {
    draftOrder: (target) => call('GET', `/targets/${encodeURIComponent(target)}/order`),
    addOrder: (signed) => call('POST', '/orders', signed),
  }
}

import type { AcmeOrderStore } from '../../store/acme-order-store.ts'
import { keepExtending } from '../keep-extending.ts'

/** For so long an order is left to the server that has it, in milliseconds: one that was killed does not hold it up for longer. */
export const orderLeaseMs = 30_000

const extendEveryMs = 10_000

/** Keeps an order that is this server's until then, however long the CA and the DNS take; what it returns gives it back. */
export function keepLease(
  { orders, now }: { readonly orders: Pick<AcmeOrderStore, 'extend' | 'release'>; readonly now: () => Promise<number> },
  id: string,
  until: number,
): () => Promise<void> {
  let held = until
  const end = keepExtending(async () => {
    const next = (await now()) + orderLeaseMs
    await orders.extend(id, held, next)
    held = next
  }, extendEveryMs)
  return async () => {
    await end()
    await orders.release(id, held)
  }
}

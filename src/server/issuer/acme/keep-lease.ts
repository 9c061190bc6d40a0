import type { AcmeOrderStore } from '../../store/acme-order-store.ts'

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
  let extended: Promise<void> = Promise.resolve()
  const extend = async (): Promise<void> => {
    const next = (await now()) + orderLeaseMs
    await orders.extend(id, held, next)
    held = next
  }
  const timer = setInterval(() => {
    // A database that is away is asked again in time.
    extended = extended.then(extend).catch(() => {})
    return extended
  }, extendEveryMs)
  return async () => {
    clearInterval(timer)
    await extended
    await orders.release(id, held)
  }
}

import type { Parts } from '../parts.ts'

/** Orders count for limits, the longest of which is a year. */
const keptMs = 400 * 86_400_000

/** Ends ACME orders that nobody waits for any more, has what ended ones have published removed, and forgets those of long ago. */
export async function tidyAcme({ store, acme }: Pick<Parts, 'store' | 'acme'>): Promise<void> {
  const at = await store.now()
  await store.acmeOrders.endUnwanted(at)
  await store.acmeOrders.forget(at - keptMs)
  for (const issuer of acme) await issuer.tidy()
}

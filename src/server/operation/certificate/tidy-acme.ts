import type { Store } from '../../store/store.ts'
import type { Parts } from '../parts.ts'

/** Orders count for limits, the longest of which is a year. */
const keptMs = 400 * 86_400_000
/** CSRs, at each look. */
const mostAtOnce = 1000

/** Ends ACME orders that nobody waits for any more, and has what ended ones have published removed. */
export async function tidyAcme({ store, acme }: Pick<Parts, 'store' | 'acme'>): Promise<void> {
  const at = await store.now()
  await store.acmeOrders.endUnwanted(at)
  for (const issuer of acme) await issuer.tidy()
}

/** Forgets ACME orders and CSRs of long ago. */
export async function forgetSigned({
  acmeOrders,
  signings,
  now,
}: Pick<Store, 'acmeOrders' | 'signings' | 'now'>): Promise<void> {
  const before = (await now()) - keptMs
  await acmeOrders.forget(before)
  await signings.forget(before, mostAtOnce)
}

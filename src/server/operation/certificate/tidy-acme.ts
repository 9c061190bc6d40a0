import type { Store } from '../../store/store.ts'
import type { Parts } from '../parts.ts'

/** Orders count for limits, the longest of which is a year. */
const keptMs = 400 * 86_400_000
/** CSRs, at each look. */
const mostAtOnce = 1000

/** Ends ACME orders that nobody waits for any more, and has what ended ones have published removed. `tell`: of what could not be, for the log. */
export async function tidyAcme(
  { store, acme }: Pick<Parts, 'store' | 'acme'>,
  tell: (line: object, text: string) => void,
): Promise<void> {
  const at = await store.now()
  await store.acmeOrders.endUnwanted(at)
  for (const issuer of acme)
    for (const { places, error, isGivenUp } of await issuer.tidy()) {
      const { code, details } = error
      const hint = isGivenUp
        ? 'it was tried for 30 days and is not tried again; remove these records by hand: they prove nothing any more'
        : 'it is tried again for 30 days; mend what the details say, or remove these records by hand'
      tell({ code, details, names: places, hint }, 'what proved names to a CA could not be removed')
    }
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

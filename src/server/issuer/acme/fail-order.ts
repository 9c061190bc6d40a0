import type { Problem } from '../../../acme/problem.ts'
import { WaxsealError } from '../../../error/waxseal-error.ts'
import type { AcmeOrderRow, AcmeOrderStore } from '../../store/acme-order-store.ts'

/** A name whose proof the CA did not find; null: it does not say why. */
export interface FailedName {
  readonly name: string
  readonly problem: Problem | null
}

/** Ends an order that comes to nothing: the next try places another one. ACME_REFUSED, with what the CA says of each name, or of the order. */
export async function failOrder(
  orders: Pick<AcmeOrderStore, 'fail'>,
  { id }: AcmeOrderRow,
  at: number,
  { failed, problem }: { readonly failed: readonly FailedName[]; readonly problem: Omit<Problem, 'perName'> },
): Promise<never> {
  const perName = failed.map(({ name, problem: why }) => `${name}: ${why?.type ?? 'unknown'}: ${why?.detail ?? ''}`)
  const failedNames = failed.length === 0 ? '' : ` ${failed.map(({ name }) => name).join(' ')} `
  const { type, detail } = problem
  await orders.fail(id, at, { failedNames, error: perName.join('; ') || detail })
  throw new WaxsealError('ACME_REFUSED', { type, detail, ...(perName.length === 0 ? {} : { perName }) })
}

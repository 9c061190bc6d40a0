import { asWaxsealError, type WaxsealError } from '../../../error/waxseal-error.ts'
import type { AcmeOrderRow } from '../../store/acme-order-store.ts'
import type { Store } from '../../store/store.ts'
import type { Solver } from './solver.ts'

/** What an ended order has published, and what could not be removed now. */
export interface LeftBehind {
  /** Owner names of records, or ids of hosts' jobs. */
  readonly places: readonly string[]
  readonly error: WaxsealError
  /** It is not tried again. */
  readonly isGivenUp: boolean
}

const untidyMs = 60_000
const longestUntidyMs = 6 * 3_600_000
/** Nobody asks for a proof of then: one more record does no harm. */
const givenUpMs = 30 * 86_400_000
const tidiedAtOnce = 20

/** Removes what ended orders of this issuer have published, for 30 days; returns what could not be removed. */
export async function tidyOrders(
  issuer: string,
  { acmeOrders, now }: Pick<Store, 'acmeOrders' | 'now'>,
  solvers: readonly Solver[],
): Promise<readonly LeftBehind[]> {
  const at = await now()
  const left: LeftBehind[] = []
  for (const row of await acmeOrders.untidy(issuer, at, at + untidyMs, tidiedAtOnce)) {
    try {
      await removeProofs(row, solvers)
      const removed = row.proofs.map((proof) => ({ ...proof, isRemoved: true }))
      await acmeOrders.save(row.id, { proofs: removed, tidyAt: null })
    } catch (error) {
      const next = nextTry(row, at)
      await acmeOrders.save(row.id, { tidyAt: next })
      left.push({ places: placesOf(row), error: asWaxsealError(error), isGivenUp: next === null })
    }
  }
  return left
}

async function removeProofs({ proofs }: AcmeOrderRow, solvers: readonly Solver[]): Promise<void> {
  for (const solver of solvers) {
    const own = proofs.filter((proof) => proof.kind === solver.kind && !proof.isRemoved)
    if (own.length > 0) await solver.remove(own)
  }
}

/** One zone that is away holds up no other: its turn comes ever more rarely. Null: it is given up. */
function nextTry({ endedAt }: AcmeOrderRow, at: number): number | null {
  const since = at - (endedAt ?? at)
  if (since >= givenUpMs) return null
  return at + Math.round(Math.min(longestUntidyMs, Math.max(untidyMs, since / 5)))
}

function placesOf({ proofs }: AcmeOrderRow): readonly string[] {
  return proofs.flatMap(({ place, isRemoved }) => (place === null || isRemoved ? [] : [place]))
}

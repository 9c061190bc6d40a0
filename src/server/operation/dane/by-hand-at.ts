import { type ByHand, byHand, type NameByHand } from '../../dane/by-hand.ts'
import type { RolloverNameRow, TlsaRow } from '../../store/rollover-rows.ts'
import type { Store } from '../../store/store.ts'

/** What a person has to do at a name of a target that has these rows. */
export async function byHandAt(
  store: Store,
  name: NameByHand & Pick<RolloverNameRow, 'targetId'>,
  rows: readonly TlsaRow[],
): Promise<ByHand> {
  const elsewhere = name.isByHand ? await store.rollovers.elsewhere(name, name.endName ?? name.name) : []
  return byHand(name, rows, elsewhere)
}

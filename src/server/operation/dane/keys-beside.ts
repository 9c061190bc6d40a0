import { isServedKnown, neededKeys } from '../../dane/keys-in-use.ts'
import { hasNoRecord, type NameTurn } from '../../dane/next-rows.ts'
import { hostOf, type TlsaLook } from '../../dane/tlsa.ts'
import type { RolloverNameRow, SharingTarget } from '../../store/rollover-rows.ts'
import type { Store } from '../../store/store.ts'
import { targetHistory } from './target-history.ts'

/** Where a name ends that was turned on before that, and that nobody could follow, is not waited for. */
const followMs = 600_000

/**
 * What other targets serve at a name that has no record: senders refuse each key that is not in the first set. Of one with roll-over it is
 * known once a deployment was proven; of one without it is not. Nothing is asked where there are records. Call it in a transaction.
 */
export async function keysBeside(
  store: Store,
  name: RolloverNameRow,
  look: TlsaLook,
  at: number,
): Promise<Pick<NameTurn, 'servedBeside' | 'unknownBeside'>> {
  const { endName } = look
  if (endName === null || !hasNoRecord(look)) return { servedBeside: [], unknownBeside: [] }
  const [served, unknown] = [new Set<string>(), new Set<string>()]
  for (const one of await store.rollovers.sharing(name, endName)) {
    const keys = await servedBy(store, one, at)
    if (keys === null) unknown.add(one.targetName)
    for (const spki of keys ?? []) served.add(spki)
  }
  for (const targetName of await store.rollovers.outside(name, endName, hostOf(name.name))) unknown.add(targetName)
  return { servedBeside: [...served], unknownBeside: [...unknown] }
}

/** The keys that it may serve at the name; null: nobody can tell yet. */
async function servedBy(store: Store, one: SharingTarget, at: number): Promise<readonly string[] | null> {
  if (one.lookedAt === null && at - one.turnedOnAt < followMs) return null
  if (!one.isThere) return []
  const history = await targetHistory(store, one.targetId)
  if (!isServedKnown(history)) return null
  return neededKeys(history).flatMap(({ spki, why }) => (why === 'served' ? [spki] : []))
}

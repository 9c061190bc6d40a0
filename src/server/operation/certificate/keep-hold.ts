import { keepExtending } from '../../issuer/keep-extending.ts'
import type { Store } from '../../store/store.ts'

/** For so long another server leaves a CSR to the one that has it. */
export const holdMs = 60_000
const extendEveryMs = 20_000

/** Keeps a CSR from other servers, however long its turn and its issuer take; what it returns lets go of it. */
export function keepHold(store: Pick<Store, 'signings' | 'now'>, id: string): () => Promise<void> {
  return keepExtending(async () => store.signings.hold(id, (await store.now()) + holdMs), extendEveryMs)
}

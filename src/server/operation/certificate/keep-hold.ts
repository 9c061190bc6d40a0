import type { Store } from '../../store/store.ts'

/** For so long another server leaves a CSR to the one that has it. */
export const holdMs = 60_000
const extendEveryMs = 20_000

/** Keeps a CSR from other servers, however long its turn and its issuer take; what it returns lets go of it. */
export function keepHold(store: Pick<Store, 'signings' | 'now'>, id: string): () => Promise<void> {
  let extended: Promise<void> = Promise.resolve()
  const extend = async (): Promise<void> => store.signings.hold(id, (await store.now()) + holdMs)
  const timer = setInterval(() => {
    // A database that is away is asked again in time.
    extended = extended.then(extend).catch(() => {})
    return extended
  }, extendEveryMs)
  return async () => {
    clearInterval(timer)
    await extended
  }
}

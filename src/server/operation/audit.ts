import type { Store } from '../store/store.ts'

/** Who does something: `operator:NAME`, `agent:ID` or `server`. */
export type Actor = string

/** Notes what was done, in the transaction of `store`. */
export async function audit(
  store: Store,
  actor: Actor,
  action: string,
  subject: string,
  details: object = {},
): Promise<void> {
  await store.audit.append({ at: await store.now(), actor, action, subject, details })
}

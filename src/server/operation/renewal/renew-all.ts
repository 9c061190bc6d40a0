import type { Store } from '../../store/store.ts'
import type { Actor } from '../audit.ts'
import { openIssuance } from '../job/open-issuance.ts'
import { beginRenewal } from './begin-renewal.ts'
import { isUnused } from './is-unused.ts'

/**
 * The keys of this agent are gone with its host: begins the renewal of each of its certificates now, long before it is due. One whose
 * issuance waits for the agent gets its new key by that. Call it in a transaction.
 */
export async function renewAllOf(store: Store, actor: Actor, agentId: string): Promise<void> {
  for (const id of await store.certificates.ofAgent(agentId)) {
    const certificate = await store.certificates.lock(id)
    const open = await openIssuance(store, id)
    // No window holds it up any more.
    if (open !== null) await store.jobs.postpone(open.id, null, null)
    if (certificate === null || open !== null || (await isUnused(store, id))) continue
    await beginRenewal(store, actor, certificate, await store.versions.newest(id))
  }
}

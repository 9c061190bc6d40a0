import type { VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { lastOnTarget } from '../job/last-on-target.ts'

/** A host that loses each key gets no more than one certificate in this time. */
const betweenMs = 24 * 3_600_000

/**
 * When to make a new key in place of one that a host says it has not (KEY_MISSING): no deployment of this version can succeed there,
 * for its state was put back to an older one. Null: it has the key, as far as is known.
 */
export async function renewalForLostKey(store: Store, version: VersionRow): Promise<number | null> {
  const { certificateId, number } = version
  for (const targetId of await store.certificates.stillDeployedTo(certificateId)) {
    const last = await lastOnTarget(store, targetId)
    const isIts = last?.certificateId === certificateId && last.versionNumber === number
    if (!isIts || last.status !== 'Failed' || !(last.error ?? '').startsWith('KEY_MISSING')) continue
    const [, before] = await store.versions.list(certificateId, 2)
    return Math.max(last.updatedAt, before === undefined ? 0 : before.issuedAt + betweenMs)
  }
  return null
}

import type { Store } from '../../store/store.ts'

/** Has the scheduler look at a certificate: a host serves an older version, which ends earlier than the newest. Call it in a transaction. */
export async function lookAgain(store: Store, certificateId: string, at: number): Promise<void> {
  await store.certificates.lock(certificateId)
  await store.certificates.plan(certificateId, { nextRenewalAt: at })
}

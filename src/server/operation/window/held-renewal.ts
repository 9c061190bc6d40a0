import type { JobRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { openIssuance } from '../job/open-issuance.ts'

/** The renewal of a certificate that a window holds, and no roll-out; null: there is none. */
export async function heldRenewal(
  store: Pick<Store, 'jobs' | 'rollouts'>,
  certificateId: string,
): Promise<JobRow | null> {
  const open = await openIssuance(store, certificateId)
  if (open === null || open.handOutUntil === null || open.status !== 'AwaitingCSR') return null
  return (await store.rollouts.ofJob(open.id)).length === 0 ? open : null
}

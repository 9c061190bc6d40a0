import type { JobRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/** The issuance or renewal of a certificate that has not ended; null: none is open. */
export async function openIssuance({ jobs }: Pick<Store, 'jobs'>, certificateId: string): Promise<JobRow | null> {
  const last = await jobs.lastIssuance(certificateId)
  return last?.status === 'AwaitingCSR' || last?.status === 'Running' ? last : null
}

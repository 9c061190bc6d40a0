import type { NewJob } from '../../store/job-store.ts'
import type { JobRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { Refusal } from '../refusal.ts'
import { newId } from '../secret.ts'

/** What a job is for; an issuance waits for a CSR from the start. */
export type Wanted = Pick<JobRow, 'type' | 'agentId' | 'certificateId' | 'targetId' | 'versionNumber'> &
  Partial<Pick<NewJob, 'notBefore' | 'handOutUntil' | 'deadline' | 'isByHost'>>

/** Adds a job and returns its id. Refuses a second issuance of a certificate while one is open. */
export async function addJob(store: Store, wanted: Wanted): Promise<string> {
  const id = newId('job')
  const isIssuance = wanted.type === 'Issuance' || wanted.type === 'Renewal'
  const status = isIssuance ? 'AwaitingCSR' : 'Pending'
  const createdAt = await store.now()
  if (await store.jobs.add({ ...wanted, id, status, createdAt })) {
    if (wanted.targetId !== null) await store.rollovers.hasten(wanted.targetId, createdAt)
    return id
  }
  throw new Refusal(
    'conflict',
    'this certificate is being issued already: wait for that job to end, or cancel it (waxseal control-plane jobs lists it)',
  )
}

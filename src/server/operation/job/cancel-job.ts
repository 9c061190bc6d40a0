import type { JobRow, JobStatus } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { lookAgain } from '../renewal/look-again.ts'

/** Cancels a job that no agent had, or asks the agent that has it to; returns its state. */
export function cancelJob({ store }: Pick<Parts, 'store'>, actor: Actor, id: string): Promise<JobStatus> {
  return store.transaction(async (inside) => {
    const at = await inside.now()
    const job = await openJob(inside, id)
    const status = isHere(job) ? await cancelSigning(inside, job, at) : await inside.jobs.cancel(id, at)
    if (status === null) throw hasEnded()
    if (status === 'Cancelled' && job.type === 'Deployment') await lookAgain(inside, job.certificateId, at)
    await audit(inside, actor, 'job.cancel', id, { status })
    return status
  })
}

/** Refuses one that is not there, or is final. */
export async function openJob(store: Store, id: string): Promise<JobRow> {
  const job = await store.jobs.byId(id)
  if (job === null) throw new Refusal('missing', 'there is no such job')
  if (job.status === 'Pending' || job.status === 'AwaitingCSR' || job.status === 'Running') return job
  throw hasEnded()
}

/** How an operator's call to end or cancel a job is refused. */
export function hasEnded(): Refusal {
  return new Refusal('conflict', 'the job is final: it has ended, and nothing of it is left to cancel')
}

/** Its CSR is here and waits to be signed: no agent could cancel it. */
export function isHere({ type, status }: JobRow): boolean {
  return (type === 'Issuance' || type === 'Renewal') && status === 'Running'
}

/** An issuer that is at it may still sign: what it makes is not kept. */
async function cancelSigning(store: Store, { id, certificateId }: JobRow, at: number): Promise<JobStatus | null> {
  await store.certificates.lock(certificateId)
  const error = 'an operator cancelled it before it was signed'
  if (!(await store.jobs.move(id, ['Running'], 'Cancelled', at, error))) return null
  await store.signings.endOf(id, error)
  return 'Cancelled'
}

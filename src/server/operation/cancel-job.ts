import type { JobStatus } from '../store/rows.ts'
import { type Actor, audit } from './audit.ts'
import type { Parts } from './parts.ts'
import { Refusal } from './refusal.ts'

/** Cancels a job that nobody had, or asks the agent that has it to; returns its state. */
export function cancelJob({ store }: Pick<Parts, 'store'>, actor: Actor, id: string): Promise<JobStatus> {
  return store.transaction(async (inside) => {
    const status = await inside.jobs.cancel(id, await inside.now())
    if (status === null) {
      const isThere = (await inside.jobs.byId(id)) !== null
      throw isThere ? new Refusal('conflict', 'the job is final') : new Refusal('missing', 'there is no such job')
    }
    await audit(inside, actor, 'job.cancel', id, { status })
    return status
  })
}

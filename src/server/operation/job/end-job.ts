import type { JobRow } from '../../store/rows.ts'
import { type Actor, audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { planRedeployment } from '../renewal/redeploy.ts'
import { hasEnded, isHere, openJob } from './cancel-job.ts'
import { leaseMs } from './claim-work.ts'
import { silenceMs } from './reap.ts'

const error = 'an operator ended it: nothing was heard of it from its host'

/**
 * Ends a job that an agent has and that nobody will tell the end of: its host is gone for good, or has lost its record. It is Failed
 * by the operator's word; a result that comes after all takes its place. Refused while the agent calls and was not asked to cancel it,
 * or has had no time to answer.
 */
export async function endJob(
  { store, presence }: Pick<Parts, 'store' | 'presence'>,
  actor: Actor,
  id: string,
): Promise<void> {
  await presence.flush()
  await store.transaction(async (inside) => {
    const at = await inside.now()
    const job = await openJob(inside, id)
    if (isHere(job) || job.status === 'AwaitingCSR' || (job.status === 'Pending' && job.attempt === 0))
      throw new Refusal('conflict', 'no agent has this job: cancel it')
    const silentMs = at - presence.since((await inside.presence.of(job.agentId))?.seenAt ?? null)
    if (silentMs <= silenceMs && !wasAsked(job, at))
      throw new Refusal(
        'conflict',
        `its agent was heard ${Math.floor(silentMs / 1000)} s ago: cancel asks it; where it has not answered after 5 minutes, end it`,
      )
    if (!(await inside.jobs.end(id, error, at))) throw hasEnded()
    if (job.cancelRequestedAt === null) await planRedeployment(inside, job)
    await audit(inside, actor, 'job.end', id, { status: job.status, silentMs })
  })
}

function wasAsked({ cancelRequestedAt }: JobRow, at: number): boolean {
  return cancelRequestedAt !== null && at - cancelRequestedAt >= leaseMs
}

import type { AgentRow } from '../../store/rows.ts'
import { hearAnswer } from '../agent/release-agents.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { lookAgain } from '../renewal/look-again.ts'
import { planRedeployment } from '../renewal/redeploy.ts'
import { lockRolloutOf } from '../rollout/rollout-of-job.ts'
import { noteJob } from '../rollout/settle-target.ts'
import { leaseMs } from './claim-work.ts'

/** What an agent says of a job. */
export interface JobReport {
  readonly jobId: string
  readonly status: 'Running' | 'Completed' | 'Failed' | 'Cancelled'
  readonly error: string | null
  readonly outcome: object | null
}

/** Of an outcome, in the database: an operator's list of jobs may have a thousand of them. */
const mostCharacters = 131_072

/** Takes a report. The first final state stays, for a result may arrive twice; only a guess of the reaper is corrected. */
export async function reportJob(
  { store }: Pick<Parts, 'store'>,
  agent: AgentRow,
  { jobId, status, error, outcome }: JobReport,
): Promise<void> {
  await store.transaction(async (inside) => {
    const rollout = await lockRolloutOf(inside, jobId)
    const job = await inside.jobs.byId(jobId)
    if (job?.agentId !== agent.id) throw new Refusal('missing', 'this agent has no such job')
    const at = await inside.now()
    const isChanged =
      status === 'Running'
        ? await inside.jobs.start(jobId, agent.id, at)
        : await inside.jobs.finish({ id: jobId, agentId: agent.id, status, error, outcome: keptOf(outcome), at })
    if (isChanged && status === 'Failed') await planRedeployment(inside, job)
    const { type, certificateId, targetId } = job
    if (isChanged && status !== 'Running' && type === 'Validation' && targetId !== null)
      await hearAnswer(inside, agent.id, { certificateId, targetId, outcome })
    const isOlder = (status === 'Completed' && type === 'TakeBack') || (status === 'Cancelled' && type === 'Deployment')
    if (isChanged && isOlder) await lookAgain(inside, certificateId, at)
    if (isChanged) await audit(inside, `agent:${agent.id}`, 'job.report', jobId, { status, error })
    if (isChanged && status !== 'Running' && rollout !== null) await noteJob(inside, rollout, jobId)
  })
}

/** An outcome as it is kept; of one that is too large, what became of the job. */
function keptOf(outcome: object | null): object | null {
  if (outcome === null || lengthOf(outcome) <= mostCharacters) return outcome
  const { outcome: word, message, proven } = outcome as Readonly<Record<string, unknown>>
  const text = (value: unknown): string | null => (typeof value === 'string' ? value.slice(0, 4000) : null)
  return { outcome: text(word), message: text(message), proven: proven === true, isCutShort: true }
}

/** As JSON; without an end where it is nested deeper than can be written. */
function lengthOf(document: object): number {
  try {
    return JSON.stringify(document).length
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** The agent still has this job; returns for how long, in milliseconds. */
export async function renewLease({ store }: Pick<Parts, 'store'>, agent: AgentRow, jobId: string): Promise<number> {
  const until = (await store.now()) + leaseMs
  if (await store.jobs.renewLease(jobId, agent.id, until)) return leaseMs
  const job = await store.jobs.byId(jobId)
  if (job?.agentId !== agent.id) throw new Refusal('missing', 'this agent has no such job')
  throw new Refusal('conflict', 'the job is not yours any more: it is final, or has no lease')
}

/** Keeps what a listener of the host showed. */
export async function recordVerification(
  { store }: Pick<Parts, 'store'>,
  agent: AgentRow,
  jobId: string,
  verification: object,
): Promise<void> {
  await store.transaction(async (inside) => {
    const rollout = await lockRolloutOf(inside, jobId)
    if (!(await inside.jobs.setVerification(jobId, agent.id, verification)))
      throw new Refusal('missing', 'this agent has no such job')
    await audit(inside, `agent:${agent.id}`, 'job.verify', jobId)
    if (rollout !== null) await noteJob(inside, rollout, jobId)
  })
}

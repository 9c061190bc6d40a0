import type { ChallengeRow } from '../../store/challenge-store.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { Refusal } from '../refusal.ts'
import { addJob } from './add-job.ts'

/** What a host is to answer; of which certificate, and who asks. */
export interface AskedChallenge extends Omit<ChallengeRow, 'jobId'> {
  readonly agentId: string
  readonly certificateId: string
}

/** How far a host is with it. */
export type ChallengeState =
  | { readonly state: 'waits' }
  /** The CA may look. */
  | { readonly state: 'answered' }
  | { readonly state: 'failed'; readonly error: string }

/** The word with which an agent says that its host answers challenges. */
const feature = 'challenge'

/** Whether the host of this agent answers challenges at its port 80. */
export async function answersChallenges(store: Store, agentId: string): Promise<boolean> {
  const agent = await store.agents.named(agentId)
  return agent !== null && agent.status === 'active' && agent.features.includes(feature)
}

/** Has a host answer a challenge of http-01. Returns the id of its job. Refuses where the host answers none. */
export async function askChallenge(store: Store, asked: AskedChallenge): Promise<string> {
  const { agentId, certificateId, ...challenge } = asked
  if (!(await answersChallenges(store, agentId)))
    throw new Refusal('invalid', 'this host answers no challenges: set policy.acme.http in its configuration')
  return store.transaction(async (inside) => {
    const deadline = (await inside.now()) + challenge.lifetimeS * 1000
    const jobId = await addJob(inside, {
      type: 'Challenge',
      agentId,
      certificateId,
      targetId: null,
      versionNumber: null,
      deadline,
    })
    await inside.challenges.add({ jobId, ...challenge })
    await audit(inside, 'server', 'challenge.ask', certificateId, { job: jobId, name: challenge.name })
    return jobId
  })
}

/** What became of it. A job that is gone has failed: it is asked again. */
export async function challengeState(store: Store, jobId: string): Promise<ChallengeState> {
  const job = await store.jobs.byId(jobId)
  if (job?.status === 'Completed') return { state: 'answered' }
  if (job?.status === 'Pending' || job?.status === 'Running') return { state: 'waits' }
  return { state: 'failed', error: job?.error ?? 'its job is gone' }
}

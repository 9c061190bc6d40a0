import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { planRedeployment } from '../renewal/redeploy.ts'

/** After this long without a call an agent is silent. */
export const silenceMs = 5 * 60_000
const lostMs = 30 * 60_000

/**
 * Ends the deployments that are Running on an agent that has been silent for over 5 min (protocol §2), and those of which
 * nothing was heard for 30 min though their agent calls: their claim got lost. Both times begin no earlier than `upSince`: an
 * agent cannot be heard by a control plane that is down.
 */
export async function reapAgent(store: Store, agentId: string, seenAt: number | null, upSince: number): Promise<void> {
  const now = await store.now()
  const heardAt = Math.max(seenAt ?? upSince, upSince)
  const isSilent = now - heardAt > silenceMs
  if (!isSilent && now - upSince < lostMs) return
  const error = isSilent
    ? `the agent has been silent for over 5 minutes, since ${new Date(heardAt).toISOString()}`
    : 'nothing was heard of this job for over 30 minutes, though its agent calls'
  await store.transaction(async (inside) => {
    for (const id of await inside.jobs.reap(agentId, isSilent ? now : now - lostMs, error, now)) {
      await audit(inside, 'server', 'job.reap', id, { error })
      const job = await inside.jobs.byId(id)
      if (job !== null) await planRedeployment(inside, job)
    }
  })
}

/** Ends what retired agents had that are silent: the operator has said that they do not come back. A result corrects it. */
export async function endOfRetired(store: Store, upSince: number): Promise<void> {
  const now = await store.now()
  if (now - upSince <= silenceMs) return
  await store.transaction(async (inside) => {
    const error = 'its agent is retired and has been silent for over 5 minutes'
    for (const id of await inside.jobs.endOfRetired(now - silenceMs, error, now))
      await audit(inside, 'server', 'job.reap', id, { error })
  })
}

const pastDeadline = {
  untaken: 'its deadline passed before an agent took it',
  taken: 'its deadline passed: an agent took it, and has not said that it began',
}

/** Ends what nobody took before its deadline, and what was taken of which nothing was heard by then: there a result corrects it. */
export async function expireJobs(store: Store): Promise<void> {
  const now = await store.now()
  await store.transaction(async (inside) => {
    for (const id of await inside.jobs.expire(now, pastDeadline)) await audit(inside, 'server', 'job.expire', id)
  })
}

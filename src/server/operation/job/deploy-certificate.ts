import type { JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { activeAgent, certificateNamed, targetNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { addJob } from './add-job.ts'

/** Between which times a job may be taken; null: any. */
type Times = Pick<JobRow, 'notBefore' | 'deadline'>

/** Has the newest version of a certificate deployed to a target; returns the job's id. */
export function deployCertificate(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  certificateText: string,
  target: string,
  times: Times = { notBefore: null, deadline: null },
): Promise<string> {
  return store.transaction(async (inside) => {
    const certificate = await certificateNamed(inside, certificateText)
    const { id: targetId } = await targetNamed(inside, target, certificate.agentId)
    if (times.deadline !== null && times.deadline <= Math.max(times.notBefore ?? 0, await inside.now()))
      throw new Refusal('invalid', 'the deadline has passed, or is not after not_before: give a later one')
    return addTargetJob(inside, actor, 'Deployment', targetId, certificate, times)
  })
}

/** Has a target compared with what was deployed to it; returns the job's id. */
export function validateTarget({ store }: Pick<Parts, 'store'>, actor: Actor, target: string): Promise<string> {
  return store.transaction(async (inside) => {
    const { id: targetId } = await targetNamed(inside, target)
    const [last] = await inside.jobs.ofTarget(targetId, ['Deployment'], false, 1)
    if (last === undefined)
      throw new Refusal('missing', 'nothing was ever deployed to this target: there is nothing to compare it with')
    return addTargetJob(inside, actor, 'Validation', targetId, { id: last.certificateId, agentId: last.agentId })
  })
}

/** Has a target go back to a certificate, or to the one before the newest; returns the job's id. */
export function takeBackTarget(
  { store }: Pick<Parts, 'store'>,
  actor: Actor,
  target: string,
  certificateText: string | undefined,
): Promise<string> {
  return store.transaction(async (inside) => {
    const { id: targetId } = await targetNamed(inside, target)
    const wanted = certificateText === undefined ? undefined : await certificateNamed(inside, certificateText)
    const earlier = await earlierOn(inside, targetId, wanted?.id)
    return addTargetJob(inside, actor, 'TakeBack', targetId, { id: earlier.certificateId, agentId: earlier.agentId })
  })
}

/** What was deployed to a target once: this certificate, or the one before the newest. */
async function earlierOn(store: Store, targetId: string, wanted: string | undefined): Promise<JobRow> {
  const done = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], true)
  const newest = done[0]?.certificateId
  const earlier = done.find(({ certificateId: one }) => (wanted === undefined ? one !== newest : one === wanted))
  if (earlier !== undefined) return earlier
  throw new Refusal('missing', 'no such certificate was deployed to this target before: there is nothing to go back to')
}

async function addTargetJob(
  store: Store,
  actor: Actor,
  type: 'Deployment' | 'Validation' | 'TakeBack',
  targetId: string,
  { id: certificateId, agentId }: { readonly id: string; readonly agentId: string },
  times: Partial<Times> = {},
): Promise<string> {
  await activeAgent(store, agentId)
  const newest = await store.versions.newest(certificateId)
  if (type !== 'Validation') requireDeployable(newest)
  const versionNumber = newest?.number ?? null
  const id = await addJob(store, { type, agentId, certificateId, targetId, versionNumber, ...times })
  await audit(store, actor, `job.${type.toLowerCase()}`, id, { targetId, certificateId })
  return id
}

function requireDeployable(version: VersionRow | null): void {
  const why = whyNotDeployable(version)
  if (why !== null) throw new Refusal('conflict', why)
}

/** No daemon is to serve what its clients were told not to trust. Null: it may. */
export function whyNotDeployable(version: VersionRow | null): string | null {
  if (version === null) return 'the certificate is not signed yet; it is deployed when it is'
  if (version.revokedAt === null) return null
  return 'the certificate was revoked; the one that takes its place is deployed by itself'
}

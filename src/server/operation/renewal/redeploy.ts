import { deploymentPace, pauseAfter } from '../../renewal/when-due.ts'
import { nearEndAt } from '../../rollout/near-end.ts'
import type { CertificateRow, JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import { isOnlyAsked } from '../job/last-on-target.ts'
import { type HandOutTimes, timesOfRenewal } from '../window/times-of-renewal.ts'
import { isHastened } from './due-by-issuer.ts'
import { newerOnHost } from './newer-on-host.ts'

/**
 * Deploys the newest version again where its deployment failed: a renewal that stays on the server renews nothing. Returns when to
 * look at the next one; null: nothing waits. A target that was taken back, or got another certificate since, is left alone; so is one that
 * failed in a roll-out that is not over, as long as the end of what it serves is not near.
 */
export async function redeploy(store: Store, certificate: CertificateRow, version: VersionRow): Promise<number | null> {
  let next: number | null = null
  const { seen } = await newerOnHost(store, certificate.id, version)
  for (const targetId of await store.certificates.stillDeployedTo(certificate.id)) {
    const failed = await failuresOn(store, targetId, version)
    const last = failed[0]
    if (last === undefined || seen.some((row) => row.targetId === targetId)) continue
    const now = await store.now()
    const msLeft = (await endOfServed(store, version)) - last.updatedAt
    const soonest = last.updatedAt + pauseAfter(failed.length, msLeft, targetId, deploymentPace)
    const retryAt = Math.max(soonest, await heldUntil(store, certificate, version, last))
    if (retryAt > now) next = Math.min(next ?? retryAt, retryAt)
    else await deployAgain(store, last, failed.length, await timesOfRenewal(store, certificate, now))
  }
  return next
}

/** Has the scheduler look at the certificate of a deployment that failed. Call it in the transaction that noted its end. */
export async function planRedeployment(store: Store, job: JobRow): Promise<void> {
  if (job.type !== 'Deployment') return
  const certificate = await store.certificates.lock(job.certificateId)
  if (certificate === null) return
  const at = (await store.now()) + deploymentPace.firstMs
  await store.certificates.plan(certificate.id, { nextRenewalAt: Math.min(certificate.nextRenewalAt ?? at, at) })
}

/** More make no pause longer. */
const mostFailures = 50

/** The deployments of this version that failed since anything else was done on the target, newest first. One that was to be cancelled is not wanted. */
async function failuresOn(store: Store, targetId: string, version: VersionRow): Promise<readonly JobRow[]> {
  const all = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], false, mostFailures)
  const jobs = all.filter((job) => !isOnlyAsked(job))
  const other = jobs.findIndex(
    ({ type, status, cancelRequestedAt, certificateId, versionNumber }) =>
      type !== 'Deployment' ||
      status !== 'Failed' ||
      cancelRequestedAt !== null ||
      certificateId !== version.certificateId ||
      versionNumber !== version.number,
  )
  return other === -1 ? jobs : jobs.slice(0, other)
}

async function endOfServed(store: Store, version: VersionRow): Promise<number> {
  return (await servedBefore(store, version)).notAfter
}

/** The version before is what listeners show until this one is deployed. */
async function servedBefore(store: Store, version: VersionRow): Promise<VersionRow> {
  const [, before] = await store.versions.list(version.certificateId, 2)
  return before ?? version
}

/** A roll-out that runs or stands still decides about its failed targets; 0: this one is in none. */
async function heldUntil(
  store: Store,
  { renewShare }: CertificateRow,
  version: VersionRow,
  { id }: JobRow,
): Promise<number> {
  if (!(await store.rollouts.holds(id))) return 0
  const before = await servedBefore(store, version)
  return (await isHastened(store, before)) ? 0 : nearEndAt(before, renewShare)
}

async function deployAgain(store: Store, last: JobRow, failures: number, times: HandOutTimes): Promise<void> {
  const { type, agentId, certificateId, targetId, versionNumber } = last
  const jobId = await addJob(store, { type, agentId, certificateId, targetId, versionNumber, ...times })
  await audit(store, 'server', 'certificate.redeploy', certificateId, { job: jobId, target: targetId, failures })
}

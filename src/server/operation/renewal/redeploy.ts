import { deploymentPace, pauseAfter } from '../../renewal/when-due.ts'
import type { CertificateRow, JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'
import { newerOnHost } from './newer-on-host.ts'

/**
 * Deploys the newest version again where its deployment failed: a renewal that stays on the server renews nothing. Returns when to
 * look at the next one; null: nothing waits. A target that was taken back, or got another certificate since, is left alone.
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
    const retryAt = last.updatedAt + pauseAfter(failed.length, msLeft, targetId, deploymentPace)
    if (retryAt > now) next = Math.min(next ?? retryAt, retryAt)
    else await deployAgain(store, last, failed.length)
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
  const jobs = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], false, mostFailures)
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

/** The version before is what listeners show until this one is deployed. */
async function endOfServed(store: Store, version: VersionRow): Promise<number> {
  const [, before] = await store.versions.list(version.certificateId, 2)
  return before?.notAfter ?? version.notAfter
}

async function deployAgain(store: Store, last: JobRow, failures: number): Promise<void> {
  const { type, agentId, certificateId, targetId, versionNumber } = last
  const jobId = await addJob(store, { type, agentId, certificateId, targetId, versionNumber })
  await audit(store, 'server', 'certificate.redeploy', certificateId, { job: jobId, target: targetId, failures })
}

import { pauseAfter, renewalPace } from '../../renewal/when-due.ts'
import type { CertificateRow, JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { addJob } from '../job/add-job.ts'

/**
 * Has the agent make a key and a CSR, and plans when to look again: that finds the job still open (an agent that is silent gets it
 * when it comes back), or failed, and then begins another. Call it in a transaction that keeps the certificate; refuses ('conflict')
 * while an issuance is open. `times`: when its job is handed out. Returns the job's id.
 */
export async function beginRenewal(
  store: Store,
  actor: Actor,
  certificate: CertificateRow,
  version: VersionRow | null,
  times: Partial<Pick<JobRow, 'notBefore' | 'handOutUntil'>> = {},
): Promise<string> {
  const { id, agentId } = certificate
  const last = await store.jobs.lastIssuance(id)
  const job = { type: 'Renewal', agentId, certificateId: id, targetId: null } as const
  const jobId = await addJob(store, { ...job, ...times, versionNumber: version?.number ?? null })
  const now = await store.now()
  const failures = hasFailed(last) ? certificate.renewalFailures + 1 : 0
  await store.certificates.plan(id, {
    nextRenewalAt:
      now + pauseAfter(failures + 1, (version?.notAfter ?? Number.POSITIVE_INFINITY) - now, id, renewalPace),
    renewalFailures: failures,
    lastError: hasFailed(last) ? (last.error ?? certificate.lastError) : certificate.lastError,
  })
  await audit(store, actor, 'certificate.renew', id, { job: jobId, failures })
  return jobId
}

function hasFailed(job: JobRow | null): job is JobRow {
  return job?.status === 'Failed' || job?.status === 'Cancelled'
}

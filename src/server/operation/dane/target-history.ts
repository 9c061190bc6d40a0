import { comesBackMs, provenSince, type TargetHistory } from '../../dane/keys-in-use.ts'
import type { JobRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

const types = ['Deployment', 'TakeBack'] as const
/** The newest; of those before them only what they say nothing of, and all where none of these went well. */
const fewJobs = 50
const fewVersions = 20

/** All that says which keys a target has, had lately, or will have. Call it in a transaction. */
export async function targetHistory(store: Store, targetId: string): Promise<TargetHistory> {
  // In this order: a key that goes from one of these to the next meanwhile is seen in one of them.
  const nextKeys: { spki: string; current: VersionRow | null }[] = []
  const certificates: string[] = []
  for (const id of await store.rollovers.certificatesOf(targetId)) {
    if (!(await store.certificates.stillDeployedTo(id)).includes(targetId)) continue
    certificates.push(id)
    const spki = (await store.certificates.byId(id))?.nextSpki ?? null
    if (spki !== null) nextKeys.push({ spki, current: await store.versions.newest(id) })
  }
  const openKeys = await store.rollovers.openKeys(targetId)
  const currentVersions: VersionRow[] = []
  for (const id of certificates) {
    const newest = await store.versions.newest(id)
    if (newest !== null && newest.revokedAt === null) currentVersions.push(newest)
  }
  const at = await store.now()
  const jobs = await jobsOf(store, targetId, at)
  const versions = new Map<string, readonly VersionRow[]>()
  for (const id of new Set([...certificates, ...jobs.map(({ certificateId }) => certificateId)]))
    versions.set(id, await versionsOf(store, id, jobs))
  return { at, jobs, versions, openKeys, currentVersions, nextKeys }
}

async function jobsOf({ jobs }: Store, targetId: string, at: number): Promise<readonly JobRow[]> {
  const newest = await jobs.ofTarget(targetId, types, false, fewJobs)
  if (newest.length < fewJobs) return newest
  const since = provenSince(newest, at)
  if (since === null) return jobs.ofTarget(targetId, types, false)
  const before = Math.min(...newest.map(({ seq }) => seq))
  return [
    ...newest,
    ...(await jobs.unsettledOfTarget(targetId, types, { before, reapedAfter: at - comesBackMs, since })),
  ]
}

async function versionsOf(
  { versions }: Store,
  certificateId: string,
  jobs: readonly JobRow[],
): Promise<readonly VersionRow[]> {
  const oldest = Math.min(
    ...jobs.filter((job) => job.certificateId === certificateId).map(({ versionNumber }) => versionNumber ?? 1),
  )
  const newest = await versions.list(certificateId, fewVersions)
  const last = newest.at(-1)?.number ?? 0
  return last <= oldest ? newest : versions.list(certificateId, fewVersions + last - oldest)
}

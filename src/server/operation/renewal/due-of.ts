import { dueAt, isAhead } from '../../renewal/when-due.ts'
import { nearEndAt } from '../../rollout/near-end.ts'
import type { CertificateRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { lastOnTarget } from '../job/last-on-target.ts'
import { type DueTime, dueByIssuer } from './due-by-issuer.ts'
import { dueOfFound } from './due-of-found.ts'
import { renewalForLostKey } from './key-gone.ts'
import { newerOnHost } from './newer-on-host.ts'

/** Why a certificate is renewed when it is. */
export type DueReason =
  | DueTime['by']
  /** The place of one that was found on its host, and ends. */
  | 'found'
  /** Its host lost the key. */
  | 'key'
  /** Its targets have not the same, or an older one than the newest. */
  | 'hosts'
  /** It was revoked. */
  | 'revoked'
  /** It was signed by a clock that was ahead. */
  | 'clock'

/** When a certificate is due, in milliseconds since 1970, and why. */
export interface Due {
  readonly at: number
  readonly why: DueReason
}

/** Of a certificate with this newest version. The earliest of all reasons counts. */
export async function dueOf(
  store: Store,
  certificate: CertificateRow,
  version: VersionRow | null,
  now: number,
): Promise<Due> {
  if (version === null) return { at: (await dueOfFound(store, certificate, certificate.renewShare)) ?? 0, why: 'found' }
  if (certificate.revokedAt !== null) return { at: Math.min(certificate.revokedAt, now), why: 'revoked' }
  const due = await dueByHosts(store, certificate, version, now)
  const lostAt = await renewalForLostKey(store, version)
  return lostAt !== null && lostAt < due.at ? { at: lostAt, why: 'key' } : due
}

/** By what its hosts have, where they have more than this database; at once where they differ, for nothing else makes them one again. */
async function dueByHosts(store: Store, certificate: CertificateRow, version: VersionRow, now: number): Promise<Due> {
  if (isAhead(version, now)) return { at: 0, why: 'clock' }
  const { seen, isEverywhere } = await newerOnHost(store, certificate.id, version)
  if (seen.length > 0 && !isEverywhere) return { at: 0, why: 'hosts' }
  const due = isEverywhere
    ? { at: Math.min(...seen.map((one) => dueAt(one, certificate.renewShare))), by: 'share' as const }
    : await dueByIssuer(store, version, certificate.renewShare)
  const olderAt = await dueOfOlder(store, certificate, version)
  return olderAt < due.at ? { at: olderAt, why: 'hosts' } : { at: due.at, why: due.by }
}

/**
 * Where a target has an older version, for it was taken back, or the deployment of the newest was cancelled, that one ends earlier. It is
 * given time: whoever did that mends what was wrong first.
 */
async function dueOfOlder(store: Store, { id, renewShare }: CertificateRow, newest: VersionRow): Promise<number> {
  let due = Number.POSITIVE_INFINITY
  for (const targetId of await store.certificates.stillDeployedTo(id)) {
    const last = await lastOnTarget(store, targetId)
    // One that failed is deployed again.
    if (last === null || !['Completed', 'Cancelled'].includes(last.status)) continue
    const [done] = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], true, 1)
    if (done?.certificateId !== id || done.versionNumber === null || done.versionNumber >= newest.number) continue
    const version = await store.versions.numbered(id, done.versionNumber)
    if (version !== null) due = Math.min(due, nearEndAt(version, renewShare))
  }
  return due
}

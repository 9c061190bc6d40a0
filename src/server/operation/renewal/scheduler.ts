import { dueAt } from '../../renewal/when-due.ts'
import { nearEndAt } from '../../rollout/near-end.ts'
import type { CertificateRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { Refusal } from '../refusal.ts'
import { timesOfRenewal } from '../window/times-of-renewal.ts'
import { beginRenewal } from './begin-renewal.ts'
import { dueByIssuer } from './due-by-issuer.ts'
import { dueOfFound } from './due-of-found.ts'
import { isUnused } from './is-unused.ts'
import { renewalForLostKey } from './key-gone.ts'
import { newerOnHost } from './newer-on-host.ts'
import { redeploy } from './redeploy.ts'

/** At each look. After a long outage this spreads what is overdue: nearest end first. */
const mostAtOnce = 50

/** An issuer's clock may be ahead by so much. */
const skewMs = 10 * 60_000

/**
 * Looks at the certificates whose time has come, and begins what is due. Any number of servers may do it at any time, and none of
 * them leads: each takes rows that no other has. Returns how many it looked at.
 */
export function renewDue(store: Store): Promise<number> {
  return store.transaction(async (inside) => {
    const now = await inside.now()
    const due = await inside.certificates.due(now, mostAtOnce)
    for (const certificate of due) await look(inside, certificate, now)
    return due.length
  })
}

async function look(store: Store, certificate: CertificateRow, now: number): Promise<void> {
  const agent = await store.agents.named(certificate.agentId)
  if (agent?.status !== 'active')
    return store.certificates.plan(certificate.id, { nextRenewalAt: null, lastError: 'its agent is retired' })
  const version = await store.versions.newest(certificate.id)
  const lostAt = version === null ? null : await renewalForLostKey(store, version)
  const due = Math.min(await dueOf(store, certificate, version, now), lostAt ?? Number.POSITIVE_INFINITY)
  if (version === null && due > now) return store.certificates.plan(certificate.id, { nextRenewalAt: due })
  if (version !== null && certificate.revokedAt === null && due > now) {
    const retryAt = await redeploy(store, certificate, version)
    return store.certificates.plan(certificate.id, { nextRenewalAt: Math.min(retryAt ?? due, due) })
  }
  if (version !== null && (await isUnused(store, certificate.id))) {
    const lastError = 'it is not renewed: all its targets have got other certificates since'
    return store.certificates.plan(certificate.id, { nextRenewalAt: null, lastError })
  }
  try {
    await beginRenewal(store, 'server', certificate, version, await timesOfRenewal(store, certificate, now))
  } catch (error) {
    // Another server was first.
    if (!(error instanceof Refusal)) throw error
  }
}

/** By what its hosts have, where they have more than this database; at once where they differ, for nothing else makes them one again. */
async function dueOf(
  store: Store,
  certificate: CertificateRow,
  version: VersionRow | null,
  now: number,
): Promise<number> {
  if (version === null) return (await dueOfFound(store, certificate, certificate.renewShare)) ?? 0
  // Signed while the clock was ahead: no client takes it yet.
  if (version.notBefore > now + skewMs) return 0
  const { seen, isEverywhere } = await newerOnHost(store, certificate.id, version)
  if (seen.length > 0 && !isEverywhere) return 0
  const due = isEverywhere
    ? Math.min(...seen.map((one) => dueAt(one, certificate.renewShare)))
    : (await dueByIssuer(store, version, certificate.renewShare)).at
  return Math.min(due, await dueOfOlder(store, certificate, version))
}

/**
 * Where a target has an older version, for it was taken back, or the deployment of the newest was cancelled, that one ends earlier. It is
 * given time: whoever did that mends what was wrong first.
 */
async function dueOfOlder(store: Store, { id, renewShare }: CertificateRow, newest: VersionRow): Promise<number> {
  let due = Number.POSITIVE_INFINITY
  for (const targetId of await store.certificates.stillDeployedTo(id)) {
    const [last] = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], false, 1)
    // One that failed is deployed again.
    if (last === undefined || !['Completed', 'Cancelled'].includes(last.status)) continue
    const [done] = await store.jobs.ofTarget(targetId, ['Deployment', 'TakeBack'], true, 1)
    if (done?.certificateId !== id || done.versionNumber === null || done.versionNumber >= newest.number) continue
    const version = await store.versions.numbered(id, done.versionNumber)
    if (version !== null) due = Math.min(due, nearEndAt(version, renewShare))
  }
  return due
}

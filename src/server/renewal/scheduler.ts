import { Refusal } from '../operation/refusal.ts'
import type { CertificateRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { beginRenewal } from './begin-renewal.ts'
import { isUnused } from './is-unused.ts'
import { redeploy } from './redeploy.ts'
import { dueAt } from './when-due.ts'

/** At each look. After a long outage this spreads what is overdue: nearest end first. */
const mostAtOnce = 50

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
  if (agent?.status !== 'active') return planAt(store, { ...certificate, lastError: 'its agent is retired' }, null)
  const version = await store.versions.newest(certificate.id)
  const isDue = version === null || certificate.revokedAt !== null || dueAt(version, certificate.renewShare) <= now
  if (!isDue) {
    const retryAt = await redeploy(store, certificate, version)
    const next = dueAt(version, certificate.renewShare)
    return planAt(store, certificate, Math.min(retryAt ?? next, next))
  }
  if (version !== null && (await isUnused(store, certificate.id))) {
    const lastError = 'it is not renewed: all its targets have got other certificates since'
    return planAt(store, { ...certificate, lastError }, null)
  }
  try {
    await beginRenewal(store, 'server', certificate, version)
  } catch (error) {
    // Another server was first.
    if (!(error instanceof Refusal)) throw error
  }
}

function planAt(store: Store, certificate: CertificateRow, nextRenewalAt: number | null): Promise<void> {
  const { id, renewalFailures, lastError } = certificate
  return store.certificates.plan(id, { nextRenewalAt, renewalFailures, lastError })
}

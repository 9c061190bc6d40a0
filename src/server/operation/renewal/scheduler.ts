import type { CertificateRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { Refusal } from '../refusal.ts'
import { timesOfRenewal } from '../window/times-of-renewal.ts'
import { beginRenewal } from './begin-renewal.ts'
import { dueOf } from './due-of.ts'
import { isUnused } from './is-unused.ts'
import { redeploy } from './redeploy.ts'

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
  if (agent?.status !== 'active')
    return store.certificates.plan(certificate.id, { nextRenewalAt: null, lastError: 'its agent is retired' })
  const version = await store.versions.newest(certificate.id)
  const { at: due } = await dueOf(store, certificate, version, now)
  if (version === null && due > now) return store.certificates.plan(certificate.id, { nextRenewalAt: due })
  if (version !== null && due > now) {
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

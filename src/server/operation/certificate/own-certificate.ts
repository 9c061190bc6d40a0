import { comesBackMs } from '../../dane/keys-in-use.ts'
import type { AgentRow, CertificateRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { waitsForHost } from '../agent/hold-agents.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { newerOnHost } from '../renewal/newer-on-host.ts'

/** The certificate with this id, if it is one of this agent. */
export async function ownCertificate(store: Store, agent: AgentRow, id: string): Promise<CertificateRow> {
  const certificate = await store.certificates.byId(id)
  if (certificate?.agentId === agent.id) return certificate
  throw new Refusal('missing', 'this agent has no such certificate')
}

/** Leaf and chain (PEM) of its newest version. Refused where that was revoked, where the host has a newer one, or has not said after a restore. */
export async function newestFor({ store }: Pick<Parts, 'store'>, agent: AgentRow, id: string): Promise<string> {
  const { id: certificateId } = await ownCertificate(store, agent, id)
  if ((await store.holds.of(agent.id)) !== null) throw new Refusal('busy', waitsForHost)
  const newest = await store.versions.newest(certificateId)
  if (newest === null) throw new Refusal('missing', 'the certificate has no version yet')
  // Who took its deployment before asks again, and gets the next one.
  if (newest.revokedAt !== null)
    throw new Refusal('busy', 'it was revoked, and the one that takes its place is not signed yet')
  const { seen } = await newerOnHost(store, certificateId, newest)
  if (seen.length > 0) throw new Refusal('missing', 'a host has a newer version than this database; renew it')
  const at = await store.now()
  if (await store.rollovers.isWithheld(agent.id, certificateId, newest.number, at, at - comesBackMs))
    throw new Refusal(
      'busy',
      'its TLSA records are not everywhere yet, or were not looked at lately: it waits for them',
    )
  return newest.pem
}

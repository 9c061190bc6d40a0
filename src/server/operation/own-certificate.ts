import type { AgentRow, CertificateRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { Refusal } from './refusal.ts'

/** The certificate with this id, if it is one of this agent. */
export async function ownCertificate(store: Store, agent: AgentRow, id: string): Promise<CertificateRow> {
  const certificate = await store.certificates.byId(id)
  if (certificate?.agentId === agent.id) return certificate
  throw new Refusal('missing', 'this agent has no such certificate')
}

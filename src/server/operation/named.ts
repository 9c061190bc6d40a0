import { nearest } from '../../error/nearest.ts'
import type { AgentRow, CertificateRow, TargetRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { Refusal } from './refusal.ts'

/** The agent that has this text as its id, else as its name: people say names. */
export async function agentNamed(store: Store, text: string): Promise<AgentRow> {
  return (await store.agents.named(text)) ?? unknown('agent', text, await store.agents.names())
}

/** The same, of one that is not retired: it would never do what it is given. */
export async function activeAgent(store: Store, text: string): Promise<AgentRow> {
  const agent = await agentNamed(store, text)
  if (agent.status === 'active') return agent
  throw new Refusal(
    'conflict',
    `the agent ${agent.name} is retired; if its host is to come back: waxseal control-plane readmit`,
  )
}

/** The same of targets; with `agentId`: of this agent. */
export async function targetNamed(store: Store, text: string, agentId?: string): Promise<TargetRow> {
  const target = (await store.targets.named(text)) ?? unknown('target', text, await store.targets.names())
  if (agentId === undefined || target.agentId === agentId) return target
  throw new Refusal(
    'missing',
    `the target ${text} is of another agent than the certificate, whose key it would not have`,
  )
}

/** The certificate with this id, else the only one with this common name. */
export async function certificateNamed(store: Store, text: string): Promise<CertificateRow> {
  const found = await store.certificates.named(text)
  const [certificate] = found
  if (certificate === undefined) return unknown('certificate', text, await store.certificates.names())
  if (found.length === 1) return certificate
  const ids = found.map(({ id }) => id).slice(0, 10)
  throw new Refusal(
    'conflict',
    `there are ${found.length} certificates for ${text}; say which by its id: ${ids.join(', ')}`,
  )
}

function unknown(kind: string, text: string, known: readonly string[]): never {
  const meant = nearest(text, known)
  throw new Refusal('missing', `there is no such ${kind}: ${text}${meant === null ? '' : `; is ${meant} meant?`}`)
}

import type { AgentRow, TokenRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'
import { type Actor, audit } from '../audit.ts'
import { agentNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { renewAllOf } from '../renewal/renew-all.ts'
import { createToken, defaultTokenMs } from './create-token.ts'

/** Ends what the host had begun before it was installed anew. */
const gone = 'AGENT_REPLACED: the host was installed anew before this job ended'

/** Makes a token with which a host that was installed anew takes the place of this agent. Until then nothing changes. */
export async function readmitAgent(
  parts: Pick<Parts, 'store'>,
  actor: Actor,
  agent: string,
  expiresInMs: number = defaultTokenMs,
): Promise<string> {
  const { id } = await agentNamed(parts.store, agent)
  return createToken(parts, actor, { expiresInMs, agentId: id })
}

/**
 * Gives an agent's place to the host that came with a token of `readmitAgent`: its other credentials are good for nothing, its
 * work has failed, what it asked to have signed is not signed, and its certificates are renewed, for their keys are gone with the host.
 */
export async function takePlace(
  store: Store,
  token: TokenRow & { readonly agentId: string },
  { name, hostname, features }: Pick<AgentRow, 'name' | 'hostname' | 'features'>,
): Promise<AgentRow> {
  const agent = await store.agents.named(token.agentId)
  if (agent === null) throw new Error('a token is of no agent')
  if (agent.name !== name) throw new Refusal('forbidden', 'the bootstrap token is for the agent of another name')
  const now = await store.now()
  await store.credentials.revoke(agent.id, now)
  await store.agents.readmit(agent.id, hostname, features)
  await store.presence.forgetIdentity(agent.id)
  // First, as everybody does: a signature that is on its way is recorded before this, or never.
  for (const id of await store.certificates.ofAgent(agent.id)) await store.certificates.lock(id)
  const jobs = await store.jobs.abandon(agent.id, gone, now)
  for (const id of jobs) await store.signings.endOf(id, gone)
  await audit(store, `agent:${agent.id}`, 'agent.readmit', agent.id, { hostname, jobs })
  await renewAllOf(store, `agent:${agent.id}`, agent.id)
  return { ...agent, status: 'active', hostname, features }
}

import type { AgentRow } from '../store/rows.ts'
import { audit } from './audit.ts'
import type { Parts } from './parts.ts'
import { addCredential } from './register.ts'

/**
 * Gives an agent a new credential. The one that it has stays good until the new one was used; asked again, for the answer was
 * lost, it gets another, and the one that never arrived is good for nothing.
 */
export function exchangeCredential({ store }: Pick<Parts, 'store'>, agent: AgentRow): Promise<string> {
  return store.transaction(async (inside) => {
    await inside.credentials.revokeUnused(agent.id, await inside.now())
    await audit(inside, `agent:${agent.id}`, 'credential.exchange', agent.id)
    return addCredential(inside, agent)
  })
}

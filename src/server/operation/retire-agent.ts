import { type Actor, audit } from './audit.ts'
import { agentNamed } from './named.ts'
import type { Parts } from './parts.ts'

/** A retired agent finishes, reports and begins nothing. */
export async function retireAgent({ store }: Pick<Parts, 'store'>, actor: Actor, agent: string): Promise<void> {
  await store.transaction(async (inside) => {
    const { id } = await agentNamed(inside, agent)
    await inside.agents.retire(id)
    await audit(inside, actor, 'agent.retire', id)
  })
}

import { type Actor, audit } from '../audit.ts'
import { agentNamed } from '../named.ts'
import type { Parts } from '../parts.ts'

/** A retired agent finishes, reports and begins nothing: what it never had is cancelled. */
export async function retireAgent({ store }: Pick<Parts, 'store'>, actor: Actor, agent: string): Promise<void> {
  await store.transaction(async (inside) => {
    const { id } = await agentNamed(inside, agent)
    await inside.agents.retire(id)
    const cancelled = await inside.jobs.cancelUntaken(id, 'its agent is retired', await inside.now())
    await audit(inside, actor, 'agent.retire', id, { cancelled })
  })
}

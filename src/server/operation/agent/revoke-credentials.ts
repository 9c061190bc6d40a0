import { type Actor, audit } from '../audit.ts'
import { agentNamed } from '../named.ts'
import type { Parts } from '../parts.ts'

/** Shuts an agent out from its next call on; `readmitAgent` is its way back. Returns how many credentials it had. */
export function revokeCredentials({ store }: Pick<Parts, 'store'>, actor: Actor, agent: string): Promise<number> {
  return store.transaction(async (inside) => {
    const { id } = await agentNamed(inside, agent)
    const count = await inside.credentials.revoke(id, await inside.now())
    await audit(inside, actor, 'credential.revoke', id, { count })
    return count
  })
}

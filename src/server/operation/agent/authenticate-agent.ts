import type { AgentRow, CredentialRow } from '../../store/rows.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { hashSecret } from '../secret.ts'
import { isTwin } from './twin-told.ts'

/**
 * The agent that this credential is of. With its first use those before it are good for nothing any more,
 * unless two hosts are the agent: then both are served until an operator says which is the right one.
 */
export async function authenticateAgent(
  { store, oldCredentials }: Pick<Parts, 'store' | 'oldCredentials'>,
  secret: string,
): Promise<AgentRow> {
  // What is looked up is a digest: how long that takes tells nothing of a secret.
  const hash = hashSecret(secret)
  const found = await store.credentials.find(hash)
  if (found === null) throw await oldCredentials.refuse(hash)
  if (found.credential.usedAt === null) await useFirst(store, found.credential)
  return found.agent
}

async function useFirst(store: Parts['store'], { hash, agentId }: CredentialRow): Promise<void> {
  await store.transaction(async (inside) => {
    const now = await inside.now()
    await inside.credentials.use(hash, now)
    if (await isTwin(inside, agentId)) return
    if ((await inside.credentials.revoke(agentId, now, hash)) > 0)
      await audit(inside, `agent:${agentId}`, 'credential.replace', agentId)
  })
}

import type { AgentRow, CredentialRow } from '../../store/rows.ts'
import { audit } from '../audit.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { isTwin } from './twin-told.ts'

/** What a call shows for who it comes from. What is looked up is a digest: how long that takes tells nothing of a secret. */
export type Proof = Pick<CredentialRow, 'kind' | 'hash'>

/**
 * The agent that this credential is of. With its first use those before it are good for nothing any more,
 * unless two hosts are the agent: then both are served until an operator says which is the right one.
 */
export async function authenticateAgent(
  { store, oldCredentials }: Pick<Parts, 'store' | 'oldCredentials'>,
  { kind, hash }: Proof,
): Promise<AgentRow> {
  const found = await store.credentials.find(hash)
  if (found === null || found.credential.kind !== kind) throw await oldCredentials.refuse(hash)
  const { expiresAt } = found.credential
  if (expiresAt !== null && expiresAt <= (await store.now())) {
    const hint = 'an operator lets the host in again: waxseal control-plane readmit'
    throw new Refusal('unauthorized', `the client certificate has ended; ${hint}`)
  }
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

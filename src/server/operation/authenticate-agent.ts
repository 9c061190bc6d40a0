import type { AgentRow } from '../store/rows.ts'
import type { Parts } from './parts.ts'
import { Refusal } from './refusal.ts'
import { hashSecret } from './secret.ts'

/** The agent that this credential is of; notes its first use. */
export async function authenticateAgent({ store }: Pick<Parts, 'store'>, secret: string): Promise<AgentRow> {
  // What is looked up is a digest: how long that takes tells nothing of a secret.
  const hash = hashSecret(secret)
  const found = await store.credentials.find(hash)
  if (found === null) throw new Refusal('unauthorized', 'the credential is not valid')
  if (found.credential.usedAt === null) await store.credentials.use(hash, await store.now())
  return found.agent
}

import type { Store } from '../../store/store.ts'

/** So long after it was last seen, two hosts count as one again. */
export const twinMs = 24 * 3_600_000

/** Whether two hosts are told to be this agent. */
export async function isTwin(store: Store, agentId: string): Promise<boolean> {
  const told = await store.presence.twin(agentId)
  return told !== null && (await store.now()) - told.twinAt < twinMs
}

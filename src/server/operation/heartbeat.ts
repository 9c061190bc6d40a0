import type { AgentRow } from '../store/rows.ts'
import type { Parts } from './parts.ts'

/** Notes that an agent lives, and what it knows; returns the jobs that it is asked to cancel. */
export async function heartbeat(
  { store, presence }: Pick<Parts, 'store' | 'presence'>,
  agent: AgentRow,
  features: readonly string[],
): Promise<readonly string[]> {
  await presence.hear(agent.id, true)
  if (features.join(' ') !== agent.features.join(' ')) await store.agents.setFeatures(agent.id, features)
  return features.includes('cancel') ? store.jobs.cancelRequests(agent.id) : []
}

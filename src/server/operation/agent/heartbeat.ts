import type { AgentRow } from '../../store/rows.ts'
import type { Parts } from '../parts.ts'
import { noticeTwin, type SaidIdentity } from './notice-twin.ts'

/** What a heartbeat leads to. */
export interface Heard {
  /** The jobs that the agent is asked to cancel. */
  readonly cancel: readonly string[]
  /** Why two hosts are told from now on; null: they are not. */
  readonly twin: string | null
}

/** Notes that an agent lives, what it knows, and which host it is on. */
export async function heartbeat(
  { store, presence }: Pick<Parts, 'store' | 'presence'>,
  agent: AgentRow,
  features: readonly string[],
  identity: SaidIdentity | null,
): Promise<Heard> {
  await presence.hear(agent.id, true)
  if (features.join(' ') !== agent.features.join(' ')) await store.agents.setFeatures(agent.id, features)
  const twin = identity === null ? null : await noticeTwin({ store }, agent, identity)
  return { cancel: features.includes('cancel') ? await store.jobs.cancelRequests(agent.id) : [], twin }
}

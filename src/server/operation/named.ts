import { nearest } from '../../error/nearest.ts'
import type { AgentRow, TargetRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import { Refusal } from './refusal.ts'

/** The agent that has this text as its id, else as its name: people say names. */
export async function agentNamed(store: Store, text: string): Promise<AgentRow> {
  return (await store.agents.named(text)) ?? unknown('agent', text, await store.agents.names())
}

/** The same of targets; with `agentId`: of this agent. */
export async function targetNamed(store: Store, text: string, agentId?: string): Promise<TargetRow> {
  const target = (await store.targets.named(text)) ?? unknown('target', text, await store.targets.names())
  if (agentId === undefined || target.agentId === agentId) return target
  throw new Refusal('missing', `this agent has no target ${text}`)
}

function unknown(kind: string, text: string, known: readonly string[]): never {
  const meant = nearest(text, known)
  throw new Refusal('missing', `there is no such ${kind}: ${text}${meant === null ? '' : `; is ${meant} meant?`}`)
}

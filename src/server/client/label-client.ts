import type { LabelChange } from '../operation/agent/label-agent.ts'
import type { Labels } from '../store/label-store.ts'
import type { Call } from './people-client.ts'

/** The labels of an agent as the control plane tells them. */
export interface ShownLabels {
  readonly agent_id: string
  readonly labels: Labels
}

/** The operator's calls about labels; an agent by id or name. */
export interface LabelCalls {
  labels(agent: string): Promise<ShownLabels>
  /** Returns what it has then. */
  label(agent: string, change: LabelChange): Promise<ShownLabels>
}

/** These calls over the client's own. */
export function labelCalls(call: Call): LabelCalls {
  const path = (agent: string): string => `/agents/${encodeURIComponent(agent)}/labels`
  return {
    labels: (agent) => call('GET', path(agent)),
    label: (agent, change) => call('POST', path(agent), change),
  }
}

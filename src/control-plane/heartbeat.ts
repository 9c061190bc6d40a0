import { agentFeatures, type Heard, readHeard } from './heard.ts'
import { factsOnWire, type HostFacts } from './host-facts.ts'
import type { Send } from './request.ts'

/** Which host this is, so that two with one credential are noticed (protocol §4). */
export interface HostIdentity {
  /** A digest that tells machines apart, and not which they are. */
  readonly machine: string
  /** How often the agent has started with its state directory. */
  readonly starts: number
  /** Drawn at each start. */
  readonly run: string
}

/** The call by which agent and server hear what each other knows. */
export interface HeartbeatCall {
  /** `host` goes to a server that has said that it takes it. */
  heartbeat(facts: HostFacts, host?: HostIdentity | null): Promise<Heard>
}

/** The same, with what the last answer to it said. */
export interface Heartbeat extends HeartbeatCall {
  /** What the server knows; null: it has not said yet. */
  known(): Heard['features'] | null
}

/** `agent` is the path of the agent's own calls; `features`: what this host does beside what every agent of this version knows. */
export function openHeartbeat(send: Send, agent: string, features: readonly string[]): Heartbeat {
  let known: Heard['features'] | null = null
  return {
    known: () => known,
    heartbeat: async (facts, host = null) => {
      const said = host === null || known?.has('host') !== true ? {} : { host }
      const body = { ...factsOnWire(facts), features: [...agentFeatures, ...features], ...said }
      const heard = readHeard(await send({ method: 'POST', path: `${agent}/heartbeat`, body }))
      known = heard.features
      return heard
    },
  }
}

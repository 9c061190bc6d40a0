import { longestTrust } from '../documents/membership.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { heardSchemas } from './wire.ts'

/** What this agent knows of protocol §4. */
export const agentFeatures = [
  'drift',
  'lease',
  'cancel',
  'csr_accepted',
  'ca_pem',
  'credential',
  'host',
  'wait',
  'client_certificate',
  'order',
  'key',
  'keys',
] as const

/** How often the server wants to be asked. */
export interface ToldPace {
  /** From one call for work to the next, where it does not wait, in milliseconds; null: it was not said. */
  readonly pollIntervalMs: number | null
  /** How far calls are to be apart at most, in milliseconds; null: it was not said. */
  readonly splayMs: number | null
}

/** What the answer to a heartbeat says. */
export interface Heard extends ToldPace {
  /** What the server knows of protocol §4; nothing of it is used towards a server that has not said it. */
  readonly features: ReadonlySet<string>
  /** Ids of the jobs that are to be cancelled. */
  readonly cancel: readonly string[]
  /** The CAs of the server, PEM, as it sent them; null: it sent none. */
  readonly caPem: string | null
}

/** What the answer to a call that waited has beside its jobs (protocol §4). */
export interface HeardWaiting extends ToldPace {
  /** As in a heartbeat's answer; null: it was not said. */
  readonly cancel: readonly string[] | null
}

const hasPollInterval = schemaCheck<{ readonly poll_interval: number }>(heardSchemas.pollInterval)
const hasSplay = schemaCheck<{ readonly splay: number }>(heardSchemas.splay)
const hasFeatures = schemaCheck<{ readonly features: readonly string[] }>(heardSchemas.features)
const hasCancel = schemaCheck<{ readonly cancel: readonly string[] }>(heardSchemas.cancel)
const hasCa = schemaCheck<{ readonly ca_pem: string }>(heardSchemas.caPem)

/** Each field by itself: one that is malformed is as good as none, and fails no heartbeat. */
export function readHeard(answer: unknown): Heard {
  const features = new Set(hasFeatures(answer) ? answer.features : [])
  const caPem = features.has('ca_pem') && hasCa(answer) && answer.ca_pem.length <= longestTrust ? answer.ca_pem : null
  const cancel = features.has('cancel') && hasCancel(answer) ? answer.cancel : []
  return { features, cancel, caPem, ...readPace(features.has('wait') ? answer : null) }
}

/** Each field by itself, too. */
export function readWaiting(answer: unknown): HeardWaiting {
  return {
    cancel: hasCancel(answer) ? answer.cancel : null,
    ...readPace(answer),
  }
}

function readPace(answer: unknown): ToldPace {
  return {
    pollIntervalMs: hasPollInterval(answer) ? answer.poll_interval * 1000 : null,
    splayMs: hasSplay(answer) ? answer.splay * 1000 : null,
  }
}

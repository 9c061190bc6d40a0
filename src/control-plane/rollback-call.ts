import { schemaCheck } from '../schema/schema-check.ts'
import { type Send, unusable } from './request.ts'

/** What this host asks before root goes back to an older pair by hand (protocol §4). */
export interface AskedRollback {
  readonly targetId: string
  /** SHA-256 of the leaf that it would go back to, lower-case hex. */
  readonly fingerprint: string
  /** For so long it asks at most. */
  readonly waitS: number
  /** As the first answer named it; null: it is the first time. */
  readonly jobId: string | null
}

/** How the record of the older key stands at one name. */
export interface RollbackName {
  readonly name: string
  readonly state: 'wanted' | 'publishing' | 'published' | 'leaving' | 'removing'
  /** RFC 3339, UTC; null: nobody can tell yet. */
  readonly usable_at: string | null
  /** Nobody but a person publishes in its zone. */
  readonly by_hand: boolean
  /** What the server knows to be wrong; from outside, to be shown with care. */
  readonly problem: string | null
}

/** What the control plane says to it. */
export interface RollbackAnswer {
  readonly status: 'off' | 'unknown' | 'revoked' | 'waiting' | 'ready' | 'ended'
  readonly job_id: string | null
  readonly names: readonly RollbackName[]
}

const states: readonly RollbackName['state'][] = ['wanted', 'publishing', 'published', 'leaving', 'removing']
const words: readonly RollbackAnswer['status'][] = ['off', 'unknown', 'revoked', 'waiting', 'ready', 'ended']

/** JSON schema of the answer. */
export const rollbackAnswerSchema = {
  type: 'object',
  required: ['status', 'job_id', 'names'],
  properties: {
    status: { enum: words },
    job_id: { type: ['string', 'null'], minLength: 1, maxLength: 256 },
    names: {
      type: 'array',
      maxItems: 100,
      items: {
        type: 'object',
        required: ['name', 'state', 'usable_at', 'by_hand', 'problem'],
        properties: {
          name: { type: 'string', maxLength: 253 },
          state: { enum: states },
          usable_at: { type: ['string', 'null'], maxLength: 40, description: 'RFC 3339, UTC.' },
          by_hand: { type: 'boolean', description: 'Nobody but a person publishes in its zone.' },
          problem: { type: ['string', 'null'], maxLength: 65_536 },
        },
      },
    },
  },
} as const

const isAnswer = schemaCheck<RollbackAnswer>(rollbackAnswerSchema)

/** The answer, where it is one; else CONTROL_PLANE_UNREACHABLE. */
export function readRollbackAnswer(answer: unknown): RollbackAnswer {
  if (!isAnswer(answer)) throw unusable('the answer about the rollback is none')
  return answer
}

/** The call of a host that goes back by itself. */
export interface RollbackCall {
  /** Has the record of the older key published; from the answer `ready` on the key may be served. Null: it knows nothing of rollbacks. */
  askRollback(asked: AskedRollback): Promise<RollbackAnswer | null>
}

/** `agent` is the path of the agent's own calls; `isKnown`: whether the server has said that it knows rollbacks. */
export function rollbackCall(send: Send, agent: string, isKnown: () => boolean): RollbackCall {
  return {
    askRollback: async ({ targetId, fingerprint, waitS, jobId }) => {
      if (!isKnown()) return null
      const again = jobId === null ? {} : { job_id: jobId }
      const body = { target_id: targetId, fingerprint, wait_s: waitS, ...again }
      return readRollbackAnswer(await send({ method: 'POST', path: `${agent}/rollbacks`, body }))
    },
  }
}

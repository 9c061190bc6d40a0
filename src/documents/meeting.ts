import { schemaCheck } from '../schema/schema-check.ts'

/** What a control plane said to one question of a command: of a heartbeat `aheadMs`, of a rollback `rollback`, of a registration the others. */
export interface MeetingAnswer {
  /** How far this clock is ahead of the server's, in milliseconds. */
  readonly aheadMs?: number | null
  readonly agentId?: string
  readonly credential?: string | null
  /** PEM, where one was asked for. */
  readonly clientCertificate?: string | null
  /** As it came: whoever asked reads it. */
  readonly rollback?: unknown
}

/** The question was not answered. */
export interface MeetingError {
  readonly error: { readonly code: string; readonly details: Readonly<Record<string, unknown>> }
}

/** Whether the process that faces the control plane answered as it does. */
export const isMeetingAnswer = schemaCheck<MeetingAnswer | MeetingError>({
  type: 'object',
  additionalProperties: false,
  properties: {
    aheadMs: { type: ['number', 'null'] },
    agentId: { type: 'string', minLength: 1, maxLength: 1024 },
    credential: { type: ['string', 'null'], maxLength: 4096 },
    clientCertificate: { type: ['string', 'null'], maxLength: 16_384 },
    rollback: {},
    error: {
      type: 'object',
      required: ['code', 'details'],
      properties: { code: { type: 'string' }, details: { type: 'object' } },
    },
  },
})

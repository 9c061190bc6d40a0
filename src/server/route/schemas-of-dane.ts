import { digest, id } from './schemas.ts'

/** `DaneBody`. */
export const daneSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['rollover'],
  properties: {
    rollover: { type: 'boolean' },
    records: {
      type: 'array',
      maxItems: 20,
      uniqueItems: true,
      items: { type: 'string', minLength: 1, maxLength: 256 },
    },
  },
} as const

/** What a host asks before it goes back by itself (protocol §4). More fields may come with what a newer one sends. */
export const rollbackSchema = {
  type: 'object',
  required: ['target_id', 'fingerprint', 'wait_s'],
  properties: {
    target_id: id,
    fingerprint: digest,
    wait_s: { type: 'integer', minimum: 60, maximum: 86_400 },
    job_id: id,
  },
} as const

/** Whether the TLSA records of a target are kept right, and at which owner names. */
export interface DaneBody {
  readonly rollover: boolean
  readonly records?: readonly string[]
}

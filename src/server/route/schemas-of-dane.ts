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

/** Whether the TLSA records of a target are kept right, and at which owner names. */
export interface DaneBody {
  readonly rollover: boolean
  readonly records?: readonly string[]
}

/** The JSON schemas of what an outbox has on disk. */
const reportSchema = {
  type: 'object',
  required: ['kind', 'jobId'],
  properties: { kind: { enum: ['status', 'verification'] }, jobId: { type: 'string', minLength: 1 } },
} as const

export const waitingSchema = {
  type: 'object',
  required: ['report', 'attempts', 'nextAt'],
  properties: {
    report: reportSchema,
    attempts: { type: 'integer', minimum: 0 },
    nextAt: { type: 'number' },
    since: { type: 'number' },
    refusal: { type: 'string' },
  },
} as const

export const deadSchema = {
  type: 'object',
  required: ['report', 'refusal'],
  properties: { report: reportSchema, refusal: { type: 'string' } },
} as const

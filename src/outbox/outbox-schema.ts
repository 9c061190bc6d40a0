import { reportSchema } from '../documents/report.ts'

/** The JSON schemas of what an outbox has on disk. */
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

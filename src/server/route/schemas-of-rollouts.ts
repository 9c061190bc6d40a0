import { id } from './schemas.ts'
import { labelNamePattern, labelValuePattern } from './schemas-of-labels.ts'
import { windowFields } from './schemas-of-windows.ts'

/** A name that people write into a command. */
const rolloutName = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' } as const
const most = 1000
const names = { type: 'array', maxItems: most, uniqueItems: true, items: id } as const
const states = ['waiting', 'open', 'proven', 'failed', 'skipped'] as const

/** `RolloutBody`. */
export const rolloutSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'action'],
  properties: {
    name: rolloutName,
    action: { enum: ['deploy', 'renew'] },
    labels: {
      type: 'array',
      maxItems: 32,
      items: { type: 'string', pattern: `^${labelNamePattern}=${labelValuePattern}$` },
    },
    agents: names,
    targets: names,
    all: { type: 'boolean' },
    first: names,
    waves: {
      type: 'array',
      minItems: 1,
      maxItems: 20,
      items: { type: 'number', exclusiveMinimum: 0, maximum: 100 },
    },
    stop_after: { type: 'integer', minimum: 1, maximum: 100_000 },
    stop_share: { type: 'number', exclusiveMinimum: 0, maximum: 100 },
    window: {
      type: 'object',
      additionalProperties: false,
      required: ['start', 'for_s'],
      properties: windowFields,
    },
    deadline_s: { type: 'integer', minimum: 60, maximum: 30 * 86_400 },
  },
} as const

/** How a roll-out goes on. */
export const resumeSchema = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: { retry: { type: 'boolean' } },
} as const

/** Which targets of a roll-out are listed. */
export const rolloutTargetsQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    after: { type: 'string', maxLength: 256 },
    limit: { type: 'string', pattern: '^([1-9]\\d{0,2}|1000)$' },
    status: { enum: states },
  },
} as const

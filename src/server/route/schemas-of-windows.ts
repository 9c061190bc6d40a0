import { labelNamePattern, labelValuePattern } from './schemas-of-labels.ts'

const label = { type: 'string', pattern: `^${labelNamePattern}=${labelValuePattern}$` } as const

/** Start and duration of a window. */
export const windowFields = {
  start: { type: 'string', minLength: 1, maxLength: 128 },
  for_s: { type: 'integer', minimum: 60, maximum: 7 * 86_400 },
  time_zone: { type: 'string', maxLength: 64 },
} as const

/** `WindowBody`. */
export const windowSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['label', 'start', 'for_s'],
  properties: { label, ...windowFields },
} as const

/** Of which label it is removed. */
export const windowRemovalSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['label'],
  properties: { label },
} as const

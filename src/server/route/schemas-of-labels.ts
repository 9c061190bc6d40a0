/** Of a label: letters, digits, `.` and `-`. */
export const labelNamePattern = '[a-z0-9][a-z0-9.-]{0,62}'
/** Without a space, so that a command takes it as it is. */
export const labelValuePattern = '[A-Za-z0-9._:@/+-]{1,63}'

const name = { type: 'string', pattern: `^${labelNamePattern}$` } as const
const label = { type: 'string', pattern: `^${labelNamePattern}=${labelValuePattern}$` } as const
const most = 32

/** `label`, once or more, behind the `?` of a list. */
export const byLabel = { label: { anyOf: [label, { type: 'array', maxItems: most, items: label }] } } as const

/** `LabelChange`. */
export const labelSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    set: {
      type: 'object',
      maxProperties: most,
      propertyNames: { pattern: `^${labelNamePattern}$` },
      additionalProperties: { type: 'string', pattern: `^${labelValuePattern}$` },
    },
    remove: { type: 'array', maxItems: most, uniqueItems: true, items: name },
  },
} as const

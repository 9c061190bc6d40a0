import { roles } from '../operation/operators.ts'

/** A name that people write into a command. */
const personName = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$' } as const
const yearS = 366 * 86_400
/** Of a token; from a minute to a year. */
const expiresInS = { type: 'integer', minimum: 60, maximum: yearS } as const

/** What a bootstrap token is to be good for; without a body: one agent of any name, for a day. */
export const tokenSchema = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: {
    expires_in_s: expiresInS,
    uses: { type: 'integer', minimum: 1, maximum: 100_000 },
    names: { type: 'string', minLength: 1, maxLength: 256 },
  },
} as const

/** How long the token is good with which a host takes an agent’s place; without a body: a day. */
export const readmitSchema = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: { expires_in_s: expiresInS },
} as const

/** An operator to be added. */
export const operatorSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'role'],
  properties: { name: personName, role: { enum: roles } },
} as const

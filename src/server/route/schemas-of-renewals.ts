/** For how many days renewals are told before; a year at most. */
export const renewalsQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { days: { type: 'string', pattern: '^([1-9]|[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6])$' } },
} as const

/** What a revocation may say. */
export const revocationSchema = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: { reason: { enum: ['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation'] } },
} as const

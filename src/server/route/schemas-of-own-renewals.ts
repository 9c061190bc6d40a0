import { digest, id } from './schemas.ts'

/** What a host has renewed by itself (protocol §4). */
export const renewedSchema = {
  type: 'object',
  required: ['target_id', 'certificate_pem', 'status'],
  properties: {
    target_id: id,
    replaces: digest,
    certificate_pem: { type: 'string', minLength: 1, maxLength: 262_144 },
    status: { enum: ['Completed', 'Failed'] },
    error: { type: 'string', maxLength: 65_536 },
    outcome: { type: 'object' },
  },
} as const

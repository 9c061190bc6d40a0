import { certificateRequestSchema, jobsQuerySchema } from './schemas.ts'

const { properties: wanted } = certificateRequestSchema
const { properties: query } = jobsQuerySchema

/** `BindingBody`. */
export const bindingSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['target_id'],
  properties: {
    target_id: wanted.agent_id,
    now: { type: 'boolean' },
    validity_days: wanted.validity_days,
    renew_share: wanted.renew_share,
    issuers: wanted.issuers,
    key_policy: wanted.key_policy,
    key_type: wanted.key_type,
  },
} as const

/** The beginning of a fingerprint, or all of it. */
export const fingerprintSchema = {
  type: 'object',
  required: ['fingerprint'],
  properties: { fingerprint: { type: 'string', pattern: '^[0-9A-Fa-f]{8,64}$' } },
} as const

/** Which certificates that were found are listed; `after`: a `seq`. */
export const discoveredQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    after: query.after,
    limit: query.limit,
    agent: query.agent,
    status: { enum: ['new', 'bound', 'managed', 'gone'] },
    cas: { enum: ['true', 'false'] },
  },
} as const

import { limits } from '../limit/limits.ts'

/** The wire schemas of protocol §1, shared with the bundled control plane. Unknown fields are tolerated everywhere. */
const id = { type: 'string', minLength: 1, maxLength: 256 } as const
const text = { type: 'string', maxLength: 1024 } as const

/** What the operator calls a target: an addition of ours. No control characters: people see it on terminals and in logs. */
const targetNameSchema = {
  type: ['string', 'null'],
  maxLength: 128,
  pattern: '^[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]*$',
} as const

export const workItemSchema = {
  type: 'object',
  required: ['id', 'type', 'certificate_id'],
  properties: {
    id,
    type: text,
    certificate_id: id,
    common_name: { type: ['string', 'null'], maxLength: 1024 },
    sans: { type: ['array', 'null'], maxItems: 100, items: text },
    target_id: { type: ['string', 'null'], maxLength: 256 },
    target_name: targetNameSchema,
    instance: { type: ['string', 'null'], maxLength: 63 },
    target_type: { type: ['string', 'null'], maxLength: 256 },
    target_config: { type: ['object', 'null'] },
    status: { type: ['string', 'null'], maxLength: 1024 },
    // Looked at where they are wanted: elsewhere a server may mean other things by them.
    expected_fingerprint: {},
    generation: {},
    deadline: {},
    order: {},
    lease_s: {},
    challenge: {},
    key: {},
    key_type: {},
    next_key: {},
    current_spki_sha256: {},
    keep_spki: {},
  },
} as const

/** What a Challenge has. */
export const challengeSchema = {
  type: 'object',
  required: ['name', 'token', 'key_authorization'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 253 },
    token: { type: 'string', maxLength: 256 },
    key_authorization: { type: 'string', maxLength: 300 },
    lifetime_s: { type: ['number', 'null'], minimum: 1, maximum: 3600 },
  },
} as const

export const workSchema = {
  type: 'object',
  required: ['jobs'],
  properties: { jobs: { type: ['array', 'null'], items: {} } },
} as const

export const certificateSchema = {
  type: 'object',
  required: ['certificate_pem'],
  properties: { certificate_pem: { type: 'string', minLength: 1, maxLength: limits.certificatePem.most } },
} as const

export const registrationSchema = {
  type: 'object',
  required: ['id'],
  properties: {
    id,
    api_key: { type: 'string', minLength: 1, maxLength: 4096 },
    client_certificate_pem: { type: 'string', minLength: 1, maxLength: 16_384 },
  },
} as const

/** What the answer to a heartbeat may have of ours (protocol §4), each field for itself. */
export const heardSchemas = {
  features: {
    type: 'object',
    required: ['features'],
    properties: { features: { type: 'array', maxItems: 100, items: { type: 'string', maxLength: 64 } } },
  },
  cancel: {
    type: 'object',
    required: ['cancel'],
    properties: { cancel: { type: 'array', maxItems: 1000, items: id } },
  },
  // A number that is too large is one that is held at what the host takes.
  pollInterval: {
    type: 'object',
    required: ['poll_interval'],
    properties: { poll_interval: { type: 'number', minimum: 0 } },
  },
  splay: {
    type: 'object',
    required: ['splay'],
    properties: { splay: { type: 'number', minimum: 0, maximum: 300 } },
  },
  caPem: { type: 'object', required: ['ca_pem'], properties: { ca_pem: { type: 'string', minLength: 1 } } },
} as const

/** The answer to a CSR of a server that signs in the background (protocol §4). */
export const acceptedSchema = {
  type: 'object',
  required: ['status'],
  properties: { status: { const: 'csr_accepted' } },
} as const

/** The answer to the renewal of a lease. */
export const leaseSchema = {
  type: 'object',
  required: ['lease_s'],
  properties: { lease_s: { type: 'number', minimum: 1, maximum: 86_400 } },
} as const

/** The answer to the exchange of a credential: what can stand in a header. */
export const exchangeSchema = {
  type: 'object',
  required: ['api_key'],
  properties: { api_key: { type: 'string', pattern: '^[\\x21-\\x7e]{1,4096}$' } },
} as const

/** The answer to a CSR for a client certificate. */
export const clientCertificateSchema = {
  type: 'object',
  required: ['client_certificate_pem'],
  properties: { client_certificate_pem: { type: 'string', minLength: 1, maxLength: 16_384 } },
} as const

/** One unit of work as it stands on the wire. */
export interface WorkItem {
  readonly id: string
  readonly type: string
  readonly certificate_id: string
  readonly common_name?: string | null
  readonly sans?: readonly string[] | null
  readonly target_id?: string | null
  readonly target_name?: string | null
  readonly instance?: string | null
  readonly target_type?: string | null
  readonly target_config?: Readonly<Record<string, unknown>> | null
  readonly status?: string | null
  readonly expected_fingerprint?: unknown
  readonly generation?: unknown
  readonly deadline?: unknown
  readonly order?: unknown
  readonly lease_s?: unknown
  readonly challenge?: unknown
  readonly key?: unknown
  readonly key_type?: unknown
  readonly next_key?: unknown
  readonly current_spki_sha256?: unknown
  readonly keep_spki?: unknown
}

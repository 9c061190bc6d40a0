import { keyKinds } from '../../plan/key-kind.ts'
import { fallBackShares } from '../renewal/fall-back.ts'
import { shares } from '../renewal/when-due.ts'
import { byLabel } from './schemas-of-labels.ts'

/** An id, or a name that stands for one. */
export const id = { type: 'string', minLength: 1, maxLength: 256 } as const
/** A SHA-256, lower-case hex. */
export const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
const text = { type: 'string', maxLength: 65_536 } as const
/** As people see it on terminals and in logs: no control characters, nothing that is not seen, and no space around it. */
const shown = '^(?=\\S)[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]+(?<=\\S)$'
const targetName = { type: 'string', maxLength: 128, pattern: shown } as const
const agentName = { type: 'string', maxLength: 256, pattern: shown } as const
/** Of a certificate: a host, an address or a mailbox, as they stand there. What is not ASCII is written as `xn--…`. */
const name = { type: 'string', pattern: '^[\\x21-\\x7e]{1,253}$' } as const

/** What an agent knows of protocol §4. */
const features = { type: 'array', maxItems: 100, items: { type: 'string', maxLength: 64 } } as const

const clientCsr = { type: 'string', minLength: 1, maxLength: 16_384 } as const

/** A CSR for a client certificate (protocol §4): of any names, which count for nothing. */
export const clientCertificateSchema = {
  type: 'object',
  required: ['csr_pem'],
  properties: { csr_pem: clientCsr },
} as const

/** A registration (protocol §1). More fields than are known may come with what agents send: a newer one sends them. */
export const registerSchema = {
  type: 'object',
  required: ['name', 'hostname'],
  properties: { name: agentName, hostname: agentName, features, client_csr_pem: clientCsr },
} as const

/** Which host an agent is on (protocol §4): a digest of its machine id, how often it has started there, and this start's own id. */
const host = {
  type: 'object',
  required: ['machine', 'starts', 'run'],
  properties: {
    machine: digest,
    starts: { type: 'integer', minimum: 0, maximum: 9_007_199_254_740_991 },
    run: { type: 'string', pattern: '^[0-9a-f]{16,64}$' },
  },
} as const

/** A heartbeat (protocol §1, §4). */
export const heartbeatSchema = {
  type: 'object',
  properties: { version: text, hostname: text, features, host },
} as const

/** Seconds that a call may wait for work. */
export const workQuerySchema = {
  type: 'object',
  properties: { wait: { type: 'string', pattern: '^\\d{1,3}$' } },
} as const

/** A CSR (protocol §1, §4). */
export const csrSchema = {
  type: 'object',
  required: ['csr_pem', 'certificate_id'],
  properties: { csr_pem: text, certificate_id: id, job_id: id, next_spki_sha256: digest },
} as const

/** What became of a job (protocol §1, §4). `certificate`: what a validation found on the host. */
export const statusSchema = {
  type: 'object',
  required: ['status'],
  properties: {
    status: { enum: ['Running', 'Completed', 'Failed', 'Cancelled'] },
    error: text,
    outcome: { type: 'object' },
    certificate: { type: 'object' },
  },
} as const

/** What a listener showed after a deployment (protocol §1). */
export const verifySchema = {
  type: 'object',
  required: ['target_id', 'expected_fingerprint', 'actual_fingerprint', 'verified'],
  properties: {
    target_id: id,
    expected_fingerprint: id,
    actual_fingerprint: id,
    verified: { type: 'boolean' },
    error: text,
  },
} as const

/** What was found on a host (protocol §1), what is there no more and what drifts there (§4). One entry that cannot be read refuses no other. */
export const discoveriesSchema = {
  type: 'object',
  required: ['certificates', 'errors'],
  properties: {
    certificates: { type: ['array', 'null'] },
    errors: { type: ['array', 'null'] },
    gone: {
      type: 'array',
      maxItems: 1000,
      items: {
        type: 'object',
        required: ['fingerprint_sha256', 'source_path'],
        properties: { fingerprint_sha256: id, source_path: { type: 'string', maxLength: 4096 } },
      },
    },
    drift: {
      type: 'array',
      maxItems: 1000,
      items: {
        type: 'object',
        required: ['target_id', 'looked_at', 'reasons'],
        properties: { target_id: id, looked_at: id, reasons: { type: 'array', maxItems: 1000, items: text } },
      },
    },
  },
} as const

/** `TargetBody`. What its `config` may have, its connector says. */
export const targetSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'agent_id', 'type', 'config'],
  properties: {
    name: targetName,
    agent_id: id,
    type: id,
    config: { type: 'object' },
    replace: { type: 'boolean' },
    unchecked: { type: 'boolean' },
  },
} as const

/** How a certificate is renewed. */
const policy = {
  renew_share: { type: ['number', 'null'], minimum: shares.least, maximum: shares.most },
  issuers: { type: 'array', maxItems: 10, uniqueItems: true, items: id },
  key_policy: { enum: ['rotate', 'reuse'] },
  key_type: { enum: [...keyKinds, null] },
  fall_back_after: { type: ['integer', 'null'], minimum: 1, maximum: 1000 },
  fall_back_share: { type: ['number', 'null'], minimum: shares.least, maximum: fallBackShares.most },
} as const

/** A change of a policy: what is left out stays. */
export const policySchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: policy,
} as const

/** Five minutes: what begins to be renewed at half of them is renewed before its end. */
const shortestValidityDays = 5 / (24 * 60)

/** `CertificateBody`; at most 100 names, for 397 days at most. */
export const certificateRequestSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['agent_id', 'common_name'],
  properties: {
    agent_id: id,
    common_name: name,
    sans: { type: 'array', maxItems: 99, items: name },
    validity_days: { type: 'number', minimum: shortestValidityDays, maximum: 397 },
    deploy_to: { type: 'array', maxItems: 100, items: id },
    ...policy,
  },
} as const

/** Has a target compared with what was deployed to it. */
export const validationSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['target_id'],
  properties: { target_id: id },
} as const

/** Has a target go back; without a certificate: to the one before the newest. */
export const takeBackSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['target_id'],
  properties: { target_id: id, certificate_id: id },
} as const

/** RFC 3339, UTC, to the second or finer. */
const time = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?Z$' } as const

/** Deploys a certificate to a target, within these times where they are given. */
export const deploymentSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['certificate_id', 'target_id'],
  properties: { certificate_id: id, target_id: id, not_before: time, deadline: time },
} as const

const page = {
  after: { type: 'string', maxLength: 256 },
  limit: { type: 'string', pattern: '^([1-9]\\d{0,2}|1000)$' },
} as const

/** The key of a row that has a number. */
const afterNumber = { type: 'string', pattern: '^\\d{1,16}$' } as const

/** Which part of the audit trail is listed; `after`: a `link`. */
export const auditQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { ...page, after: afterNumber },
} as const

/** Which part of a list is asked for, where the list has no filters. */
export const pageSchema = { type: 'object', additionalProperties: false, properties: page } as const

/** Which certificates are listed. */
export const certificatesQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { ...page, ...byLabel },
} as const

/** Which agents are listed. */
export const agentsQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { ...page, ...byLabel, status: { enum: ['active', 'retired'] } },
} as const

/** Which targets are listed; `agent`: those of this one alone, by id or name. */
export const targetsQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { ...page, ...byLabel, agent: id },
} as const

/** Which jobs are listed; `after`: a `seq`. */
export const jobsQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...page,
    after: afterNumber,
    agent: id,
    target: id,
    status: { enum: ['Pending', 'AwaitingCSR', 'Running', 'Completed', 'Failed', 'Cancelled'] },
  },
} as const

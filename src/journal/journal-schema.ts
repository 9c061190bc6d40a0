import { keyTypes } from '../plan/plan.ts'

const text = { type: 'string', maxLength: 4096 } as const
const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
/** An argv. */
export const commandSchema = { type: 'array', minItems: 1, maxItems: 100, items: text } as const

const version = {
  type: 'object',
  required: ['digest', 'mode', 'uid', 'gid'],
  properties: {
    digest: text,
    mode: { type: 'integer', minimum: 0, maximum: 0o7777 },
    uid: { type: 'integer', minimum: 0 },
    gid: { type: 'integer', minimum: 0 },
  },
} as const

const id = { type: 'integer', minimum: 0 } as const
const keeper = {
  type: 'object',
  required: ['uid', 'gid'],
  properties: { uid: id, gid: { anyOf: [id, { type: 'null' }] } },
} as const

const absolute = { type: 'string', pattern: '^/', maxLength: 4096 } as const

const change = {
  type: 'object',
  required: ['path', 'role', 'destination', 'staged', 'kept', 'before', 'after'],
  properties: {
    path: absolute,
    role: { enum: ['certificate', 'chain', 'key', 'bundle', 'other'] },
    destination: absolute,
    staged: { type: 'string', pattern: '^/(.*/)?\\.waxseal-[0-9a-f]{24}\\.new$', maxLength: 4096 },
    kept: { type: 'string', pattern: '^/(.*/)?\\.waxseal-[0-9a-f]{24}\\.old$', maxLength: 4096 },
    before: { anyOf: [version, { type: 'null' }] },
    after: version,
    keeper,
  },
} as const

const link = {
  type: 'object',
  required: ['link', 'staged', 'before', 'after', 'folder'],
  properties: {
    link: absolute,
    staged: { type: 'string', pattern: '^/(.*/)?\\.waxseal-[0-9a-f]{24}\\.new$', maxLength: 4096 },
    before: { type: ['string', 'null'], maxLength: 4096 },
    after: { type: 'string', pattern: '^generations/\\d{8}T\\d{6}Z-[0-9a-f]{8}$' },
    folder: { type: 'string', pattern: '^/.*/generations/\\d{8}T\\d{6}Z-[0-9a-f]{8}$', maxLength: 4096 },
    earlier: { type: 'array', maxItems: 100, items: { type: 'string', pattern: '^(?!\\.{1,2}$)[^/]{1,255}$' } },
    keeper,
  },
} as const

/** A probe, as it is written down. */
export const probeSchema = {
  type: 'object',
  required: ['host', 'port', 'protocol', 'servername', 'keyType', 'timeoutMs'],
  properties: {
    host: text,
    port: { type: 'integer', minimum: 0, maximum: 65535 },
    protocol: { enum: ['tls', 'smtp', 'lmtp', 'imap', 'pop3', 'sieve'] },
    servername: { type: ['string', 'null'] },
    keyType: { enum: [...keyTypes, null] },
    proxy: { enum: [1, 2] },
    timeoutMs: { type: 'integer', minimum: 1 },
  },
} as const

const digests = { type: 'array', maxItems: 100, items: digest } as const

const sighting = {
  type: 'object',
  required: ['leaf', 'chain', 'isChained', 'failure'],
  properties: {
    leaf: { anyOf: [digest, { type: 'null' }] },
    chain: digests,
    isChained: { type: 'boolean' },
    failure: {
      anyOf: [
        { type: 'object', required: ['phase', 'reason'], properties: { phase: text, reason: text } },
        { type: 'null' },
      ],
    },
  },
} as const

/** What a record says of a certificate. */
export const certificateSchema = {
  type: 'object',
  required: ['names', 'serial', 'notBefore', 'notAfter', 'spkiSha256', 'sha256'],
} as const

/** What a record says of its files. */
export const recordedFilesSchema = {
  type: 'array',
  maxItems: 100,
  items: { type: 'object', required: ['path', 'role', 'digest', 'mode', 'uid', 'gid'] },
} as const

const deployment = {
  type: 'object',
  required: ['connector', 'target', 'files', 'link', 'probes', 'retry', 'oldLeaves', 'newLeaf', 'record'],
  properties: {
    connector: text,
    target: text,
    files: { type: 'array', maxItems: 100, items: change },
    link: { anyOf: [link, { type: 'null' }] },
    probes: { type: 'array', maxItems: 1000, items: probeSchema },
    retry: {
      type: 'object',
      required: ['attempts', 'initialMs', 'maxMs'],
      properties: {
        attempts: { type: 'integer', minimum: 1 },
        initialMs: { type: 'number', minimum: 0 },
        maxMs: { type: 'number', minimum: 0 },
      },
    },
    oldLeaves: { type: 'array', maxItems: 1000, items: { type: 'array', items: digest } },
    before: { type: 'array', maxItems: 1000, items: sighting },
    newLeaf: digest,
    newChain: { anyOf: [digests, { type: 'null' }] },
    agreeingLooks: { enum: [1, 3] },
    record: {
      type: 'object',
      required: ['certificate', 'planDigest', 'files', 'check'],
      properties: {
        certificate: certificateSchema,
        planDigest: digest,
        files: recordedFilesSchema,
        check: { anyOf: [commandSchema, { type: 'null' }] },
        targetName: text,
        service: text,
        beside: { type: 'array', maxItems: 100, items: text },
      },
    },
  },
} as const

const commands = { type: 'array', maxItems: 1000, items: commandSchema } as const

/** JSON schema of a journal entry: what is not of this form is set aside. */
export const journalSchema = {
  type: 'object',
  required: ['service', 'begun', 'phase', 'deployments', 'checks', 'activate', 'recover'],
  properties: {
    service: text,
    begun: text,
    phase: { enum: ['deploying', 'rolling-back', 'settling'] },
    deployments: { type: 'array', minItems: 1, maxItems: 100, items: deployment },
    others: {
      type: 'array',
      maxItems: 10_000,
      items: { type: 'object', required: ['probe', 'leaf'], properties: { probe: probeSchema, leaf: digest } },
    },
    checks: commands,
    activate: commands,
    recover: commands,
  },
} as const

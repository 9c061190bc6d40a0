import { limits } from '../../limit/limits.ts'
import { keyTypes } from '../../plan/plan.ts'

const text = { type: 'string', maxLength: 4096 } as const
const texts = { type: 'array', items: text } as const
const absolute = { type: 'string', pattern: '^/[^\\u0000]*[^/\\u0000]$', maxLength: 4096 } as const
const command = {
  type: 'array',
  minItems: 1,
  maxItems: 100,
  items: { type: 'string', minLength: 1, maxLength: 4096 },
} as const
const commands = { type: 'array', maxItems: limits.commandsPerPlan.most, items: command } as const
const mode = { anyOf: [{ const: 'keep' }, { type: 'integer', minimum: 0, maximum: 0o777 }] } as const

/** JSON schema of a plan, contents aside: what a connector from outside returns is held against it. */
export const planSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'connector',
    'service',
    'files',
    'check',
    'activate',
    'recover',
    'probes',
    'unverified',
    'retry',
    'wiring',
    'generation',
    'backupRetention',
  ],
  properties: {
    connector: text,
    service: { type: 'string', minLength: 1, maxLength: 256 },
    files: {
      type: 'array',
      minItems: 1,
      maxItems: limits.filesPerPlan.most,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['path', 'role', 'contents', 'mode', 'owner', 'group'],
        properties: {
          path: absolute,
          role: { enum: ['certificate', 'chain', 'key', 'bundle', 'other'] },
          contents: {},
          mode,
          owner: text,
          group: text,
          fresh: {
            type: 'object',
            additionalProperties: false,
            properties: { mode: { type: 'integer', minimum: 0, maximum: 0o777 }, owner: text, group: text },
          },
        },
      },
    },
    check: { anyOf: [command, { type: 'null' }] },
    checkReadsCertificates: { enum: [true, false, 'unknown'] },
    activate: commands,
    recover: commands,
    probes: {
      type: 'array',
      maxItems: limits.probesPerPlan.most,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['host', 'port', 'protocol', 'servername', 'keyType', 'timeoutMs'],
        properties: {
          host: { type: 'string', minLength: 1, maxLength: 4096 },
          port: { type: 'integer', minimum: 0, maximum: 65535 },
          name: text,
          protocol: { enum: ['tls', 'smtp', 'lmtp', 'imap', 'pop3', 'sieve'] },
          servername: { type: ['string', 'null'], maxLength: 253 },
          keyType: { enum: [...keyTypes, null] },
          proxy: { enum: [1, 2] },
          timeoutMs: { type: 'integer', minimum: 1, maximum: limits.probeTimeout.most },
        },
      },
    },
    unverified: { type: ['string', 'null'], maxLength: 4096 },
    retry: {
      type: 'object',
      additionalProperties: false,
      required: ['attempts', 'initialMs', 'maxMs'],
      properties: {
        attempts: { type: 'integer', minimum: 1, maximum: limits.verifyAttempts.most },
        initialMs: { type: 'number', minimum: 0, maximum: limits.verifyBackoff.most },
        maxMs: { type: 'number', minimum: 0, maximum: limits.verifyBackoff.most },
      },
    },
    agreeingLooks: { enum: [1, 3] },
    wiring: {
      anyOf: [
        {
          type: 'object',
          additionalProperties: false,
          required: ['read', 'unread', 'untold', 'doubts', 'names'],
          properties: {
            read: texts,
            named: {
              type: 'array',
              items: {
                type: 'object',
                additionalProperties: false,
                required: ['path', 'isRoleKnown'],
                properties: { path: absolute, isRoleKnown: { type: 'boolean' } },
              },
            },
            unread: texts,
            untold: texts,
            doubts: texts,
            names: texts,
            beside: texts,
            together: { type: 'array', items: texts },
          },
        },
        { type: 'null' },
      ],
    },
    generation: {
      anyOf: [
        {
          type: 'object',
          additionalProperties: false,
          required: ['directory', 'link'],
          properties: { directory: absolute, link: absolute },
        },
        { type: 'null' },
      ],
    },
    tables: { type: 'array', maxItems: 100, items: { type: 'object', required: ['source', 'command', 'others'] } },
    remarks: { type: 'array', maxItems: 20, items: text },
    backupRetention: { type: 'integer', minimum: -1, maximum: limits.backupRetention.most },
  },
} as const

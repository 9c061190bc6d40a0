import { limits } from '../limit/limits.ts'
import { hostNotifySchema } from '../notice/notify-settings.ts'
import { keyKinds } from '../plan/key-kind.ts'
import { acmePolicySchema } from './acme-policy.ts'
import { lookPolicySchema } from './look-policy.ts'

const duration = { type: ['string', 'integer'], maxLength: 64 } as const
const file = { type: 'string', pattern: '^/', maxLength: 4096 } as const
const list = { type: 'array', maxItems: 1000, items: { type: 'string', minLength: 1, maxLength: 4096 } } as const

const instance = {
  type: 'object',
  additionalProperties: false,
  required: ['connector'],
  properties: {
    connector: { type: 'string', minLength: 1, maxLength: 63 },
    config: file,
    socket: file,
    master_socket: file,
    admin: { type: 'string', maxLength: 300 },
    run: { type: 'array', minItems: 1, maxItems: 20, items: { type: 'string', minLength: 1, maxLength: 4096 } },
    paths: { type: 'object', maxProperties: 50, propertyNames: { pattern: '^/' }, additionalProperties: file },
  },
} as const

/** JSON schema of `waxseal.yaml`. Unknown keys are refused. `docs/configuration.md` has a heading per key. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    control_plane: {
      type: 'object',
      additionalProperties: false,
      properties: {
        url: { type: 'string', pattern: '^https://', maxLength: 2048 },
        ca_file: file,
        agent_id: { type: 'string', minLength: 1, maxLength: 256 },
        agent_name: { type: 'string', minLength: 1, maxLength: 256 },
        credential_file: file,
        client_certificate: { type: 'boolean' },
      },
    },
    state_dir: file,
    targets_dir: file,
    poll_interval: duration,
    poll_wait: duration,
    heartbeat_interval: duration,
    parallel_services: { type: 'integer', minimum: 1, maximum: 64 },
    discovery: {
      type: 'object',
      additionalProperties: false,
      properties: { folders: { type: 'array', maxItems: limits.searchedFolders.most, items: file } },
    },
    notify: hostNotifySchema,
    mta_sts: {
      type: 'object',
      additionalProperties: false,
      properties: {
        domains: {
          type: 'array',
          maxItems: 50,
          uniqueItems: true,
          items: { type: 'string', maxLength: 253, pattern: '^[a-z0-9-]+(\\.[a-z0-9-]+)+$' },
        },
      },
    },
    drift_watch: { type: 'string', minLength: 1, maxLength: 200 },
    status: {
      type: 'object',
      additionalProperties: false,
      properties: { listen: { type: 'string', maxLength: 300 } },
    },
    policy: {
      type: 'object',
      additionalProperties: false,
      properties: {
        roots: { type: 'array', maxItems: 1000, items: file },
        folders: {
          type: 'object',
          maxProperties: 1000,
          propertyNames: file,
          additionalProperties: {
            type: ['string', 'integer'],
            pattern: '^[A-Za-z0-9_.][A-Za-z0-9_.$-]{0,255}(:[A-Za-z0-9_.][A-Za-z0-9_.$-]{0,255})?$',
          },
        },
        commands: list,
        names: list,
        probes: list,
        password_dir: file,
        unread_paths: { enum: ['refuse', 'warn'] },
        uncovered_names: { enum: ['refuse', 'warn'] },
        unrelated_names: { enum: ['refuse', 'warn'] },
        missing_chain: { enum: ['refuse', 'warn'] },
        key_type: { enum: ['refuse', 'warn'] },
        new_keys: { type: 'array', minItems: 1, maxItems: keyKinds.length, items: { enum: keyKinds } },
        worse: { enum: ['refuse', 'warn'] },
        unfit: { enum: ['refuse', 'warn'] },
        look: lookPolicySchema,
        dane: { enum: ['hold', 'warn', 'off'] },
        targets: { enum: ['open', 'local'] },
        orders: {
          type: 'object',
          additionalProperties: false,
          required: ['keys'],
          properties: {
            keys: {
              type: 'array',
              minItems: 1,
              maxItems: 2,
              items: { type: 'string', minLength: 1, maxLength: 4096 },
            },
            host: { type: 'string', pattern: '^[\\x21-\\x7e]{1,253}$' },
          },
        },
        acme: acmePolicySchema,
        owners: { type: 'array', maxItems: 100, items: { type: 'string', minLength: 1, maxLength: 256 } },
        resolvers: { type: 'array', maxItems: 10, items: { type: 'string', minLength: 1, maxLength: 60 } },
      },
    },
    instances: {
      type: 'object',
      maxProperties: 100,
      propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' },
      additionalProperties: instance,
    },
    timeouts: {
      type: 'object',
      additionalProperties: false,
      properties: { check: duration, activate: duration },
    },
    connectors: { type: 'array', maxItems: 100, items: file },
    log_level: { enum: ['debug', 'info', 'warn', 'error'] },
  },
} as const

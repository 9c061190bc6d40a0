import { limits } from '../../limit/limits.ts'
import { keyTypes } from '../../plan/plan.ts'

/** The JSON schemas of the fields of `target.ts`. Their descriptions are the reference in `docs/connectors.md`. */

export const pathValue = { type: 'string', pattern: '^/[^\\u0000]*$', maxLength: 4096 } as const
/** A name that a client can ask for by SNI (RFC 6066 §3), an underscore as seen in the wild. */
export const nameValue = {
  type: 'string',
  minLength: 1,
  maxLength: 253,
  pattern: '^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$',
} as const
export const accountValue = { type: 'string', pattern: '^[A-Za-z0-9_.][A-Za-z0-9_.$-]*$', maxLength: 256 } as const
export const writtenValue = { type: ['string', 'integer'], maxLength: 64 } as const
const commandValue = { type: 'string', maxLength: 4096 } as const
const endpointValue = { type: 'string', minLength: 3, maxLength: 300 } as const
const keyTypeValue = { enum: keyTypes } as const
const proxyValue = { enum: [1, 2, 'v1', 'v2'] } as const
const protocolValue = { enum: ['tls', 'smtp', 'lmtp', 'imap', 'pop3', 'sieve'] } as const

/** The schema of a target with these fields. Unknown ones are refused. */
export function targetSchema<Fields extends object>(properties: Fields, required: readonly string[] = []) {
  return {
    type: 'object',
    additionalProperties: false,
    required,
    properties: { ...properties, ...instanceFields },
  } as const
}

const instanceFields = {
  instance: {
    type: 'string',
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
    description: 'Another instance of the daemon than its default one, by its name in `instances` of the host.',
  },
} as const

/** Mode, owner and group of one file: `accessFields('pem_file', 'the file')`. */
export function accessFields(prefix: string, file: string): Readonly<Record<string, object>> {
  return {
    [`${prefix}_mode`]: {
      ...writtenValue,
      description: `Mode of ${file}: \`"0640"\` or 416. Default: the live file's.`,
    },
    [`${prefix}_owner`]: { ...accountValue, description: `Owner of ${file}. Default: the live file's, else root.` },
    [`${prefix}_group`]: { ...accountValue, description: `Group of ${file}. Default: the live file's, else root.` },
  }
}

/** What is verified, and how often. */
const verifyFields = {
  post_deploy_verify: {
    type: 'object',
    additionalProperties: false,
    description: 'One endpoint that must serve the new leaf.',
    properties: {
      enabled: { type: 'boolean', description: 'False: nothing is verified, and the outcome says so.' },
      endpoint: { type: 'string', maxLength: 300, description: '`HOST:PORT`, `[ADDRESS]:PORT` or `unix:/PATH`.' },
      timeout: { ...writtenValue, description: 'Time limit of one try. Default `"10s"`.' },
      protocol: { ...protocolValue, description: 'What the port speaks. Default: by its number.' },
      servername: {
        ...nameValue,
        description:
          "The name to ask for (SNI). Default: the endpoint's host, where the certificate covers it, else a name of its own.",
      },
      key_type: { ...keyTypeValue, description: 'Which leaf to ask for, where the daemon serves several.' },
      proxy: {
        ...proxyValue,
        description: 'The version of the PROXY header that the endpoint wants first. Default: none.',
      },
    },
  },
  post_deploy_verify_attempts: {
    type: 'integer',
    minimum: 0,
    maximum: limits.verifyAttempts.most,
    description: 'Tries per endpoint. Default 8, or 3 where one of the two below is set.',
  },
  post_deploy_verify_backoff: {
    ...writtenValue,
    description: 'The first wait; it doubles. Default `"100ms"`, or `"1s"` where one of its neighbours is set.',
  },
  post_deploy_verify_max_backoff: { ...writtenValue, description: 'The longest wait. Default `"16s"`.' },
  endpoints: {
    type: 'array',
    maxItems: limits.endpoints.most,
    description:
      'More endpoints, each `"HOST:PORT"` or `{"endpoint", "protocol", "servername", "key_type", "proxy"}`: the fields of `post_deploy_verify`.',
    items: {
      anyOf: [
        endpointValue,
        {
          type: 'object',
          additionalProperties: false,
          required: ['endpoint'],
          properties: {
            endpoint: endpointValue,
            protocol: protocolValue,
            servername: nameValue,
            key_type: keyTypeValue,
            proxy: proxyValue,
          },
        },
      ],
    },
  },
} as const

/** How many earlier pairs are kept. */
const retentionFields = {
  backup_retention: {
    type: 'integer',
    minimum: -1,
    maximum: limits.backupRetention.most,
    description: 'How many earlier pairs are kept. Default 3; -1: none.',
  },
} as const

/** The daemon's commands. */
const commandFields = {
  reload_command: { ...commandValue, description: 'Makes the daemon load the new files. No shell runs it.' },
  validate_command: { ...commandValue, description: "The daemon's own check, before the reload." },
} as const

/** The fields of every target. */
export const serviceFields = { ...commandFields, ...retentionFields, ...verifyFields } as const

/** A certificate file, a key file and, where it is asked for, a chain file. */
export const pairFields = {
  layout: {
    enum: ['files', 'generation'],
    description:
      'Default `files`: each file is replaced where it is. `generation`: all are switched at the same moment by one symlink.',
  },
  directory: {
    ...pathValue,
    description: 'With `layout: "generation"`: the folder of its `current` link, through which the daemon reads.',
  },
  cert_path: { ...pathValue, description: 'Leaf and chain. The same as `key_path`: one file, key first.' },
  key_path: { ...pathValue, description: 'The private key.' },
  chain_path: {
    type: 'string',
    pattern: '^(/[^\\u0000]*)?$',
    maxLength: 4096,
    description: 'The chain, in a file of its own. Empty or left out: behind the leaf.',
  },
  ...accessFields('cert_file', 'the certificate file'),
  ...accessFields('key_file', 'the key file; one that lets others in is refused'),
  ...accessFields('chain_file', 'the chain file'),
  ...serviceFields,
} as const

/** Of a mail daemon: whose defaults are meant, and which instance. */
export const mailFields = {
  mode: { enum: ['postfix', 'dovecot'], description: 'Whose default paths and commands are meant.' },
  daemon_config: {
    ...pathValue,
    description:
      "Where another instance than the system's has its settings, as `instances` of the host has it: Postfix a folder, Dovecot a file.",
  },
  ...pairFields,
} as const

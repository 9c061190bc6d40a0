/** A duration or mode as targets write them: design §7. */
type Written = string | number

/** An endpoint with what cannot be told from its port. */
export interface EndpointTarget {
  readonly endpoint: string
  readonly protocol?: string
  readonly servername?: string
  readonly key_type?: 'rsa' | 'ecdsa'
}

/** The fields that file-based targets share (protocol §3), and our additions: `endpoints`, `post_deploy_verify.protocol`. */
export interface FileTarget {
  readonly mode?: 'postfix' | 'dovecot'
  readonly cert_path?: string
  readonly key_path?: string
  readonly chain_path?: string
  readonly reload_command?: string
  readonly validate_command?: string
  readonly cert_file_mode?: Written
  readonly key_file_mode?: Written
  readonly chain_file_mode?: Written
  readonly cert_file_owner?: string
  readonly cert_file_group?: string
  readonly key_file_owner?: string
  readonly key_file_group?: string
  readonly chain_file_owner?: string
  readonly chain_file_group?: string
  readonly backup_retention?: number
  readonly post_deploy_verify?: {
    readonly enabled?: boolean
    readonly endpoint?: string
    readonly timeout?: Written
    readonly protocol?: string
    readonly servername?: string
  }
  readonly post_deploy_verify_attempts?: number
  readonly post_deploy_verify_backoff?: Written
  readonly post_deploy_verify_max_backoff?: Written
  readonly endpoints?: readonly (string | EndpointTarget)[]
}

const path = { type: 'string', pattern: '^/[^\\u0000]*$', maxLength: 4096 } as const
const optionalPath = { type: 'string', pattern: '^(/[^\\u0000]*)?$', maxLength: 4096 } as const
const command = { type: 'string', maxLength: 4096 } as const
const account = { type: 'string', pattern: '^[A-Za-z0-9_.][A-Za-z0-9_.$-]*$', maxLength: 256 } as const
const written = { type: ['string', 'integer'], maxLength: 64 } as const
const endpoint = { type: 'string', minLength: 3, maxLength: 300 } as const
const protocol = { enum: ['tls', 'smtp', 'lmtp', 'imap', 'pop3', 'sieve'] } as const
const servername = { type: 'string', minLength: 1, maxLength: 253 } as const

/** JSON schema of FileTarget. Unknown keys are refused. */
export const fileTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    mode: { enum: ['postfix', 'dovecot'] },
    cert_path: path,
    key_path: path,
    chain_path: optionalPath,
    reload_command: command,
    validate_command: command,
    cert_file_mode: written,
    key_file_mode: written,
    chain_file_mode: written,
    cert_file_owner: account,
    cert_file_group: account,
    key_file_owner: account,
    key_file_group: account,
    chain_file_owner: account,
    chain_file_group: account,
    backup_retention: { type: 'integer', minimum: -1, maximum: 1000 },
    post_deploy_verify: {
      type: 'object',
      additionalProperties: false,
      properties: {
        enabled: { type: 'boolean' },
        endpoint: { type: 'string', maxLength: 300 },
        timeout: written,
        protocol,
        servername,
      },
    },
    post_deploy_verify_attempts: { type: 'integer', minimum: 0, maximum: 100 },
    post_deploy_verify_backoff: written,
    post_deploy_verify_max_backoff: written,
    endpoints: {
      type: 'array',
      maxItems: 200,
      items: {
        anyOf: [
          endpoint,
          {
            type: 'object',
            additionalProperties: false,
            required: ['endpoint'],
            properties: { endpoint, protocol, servername, key_type: { enum: ['rsa', 'ecdsa'] } },
          },
        ],
      },
    },
  },
} as const

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
  readonly daemon_config?: string
  readonly layout?: 'files' | 'generation'
  readonly directory?: string
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

const pathValue = { type: 'string', pattern: '^/[^\\u0000]*$', maxLength: 4096 } as const
const accountValue = { type: 'string', pattern: '^[A-Za-z0-9_.][A-Za-z0-9_.$-]*$', maxLength: 256 } as const
const writtenValue = { type: ['string', 'integer'], maxLength: 64 } as const
const commandValue = { type: 'string', maxLength: 4096 } as const
const endpointValue = { type: 'string', minLength: 3, maxLength: 300 } as const
const protocolValue = { enum: ['tls', 'smtp', 'lmtp', 'imap', 'pop3', 'sieve'] } as const
const nameValue = { type: 'string', minLength: 1, maxLength: 253 } as const

const modeOf = (file: string) =>
  ({ ...writtenValue, description: `Mode of ${file}: \`"0640"\` or 416. Default: the live file's.` }) as const
const ownerOf = (file: string) =>
  ({ ...accountValue, description: `Owner of ${file}. Default: the live file's, else root.` }) as const
const groupOf = (file: string) =>
  ({ ...accountValue, description: `Group of ${file}. Default: the live file's, else root.` }) as const

/** JSON schema of FileTarget. Unknown keys are refused. Its descriptions are the reference in `docs/connectors.md`. */
export const fileTargetSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    mode: { enum: ['postfix', 'dovecot'], description: 'Whose default paths and commands are meant.' },
    daemon_config: {
      ...pathValue,
      description:
        "Where another instance than the system's has its settings: Postfix a folder, Dovecot a file. Asked which files its listeners read.",
    },
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
    reload_command: { ...commandValue, description: 'Makes the daemon load the new files. No shell runs it.' },
    validate_command: { ...commandValue, description: "The daemon's own check, before the reload." },
    cert_file_mode: modeOf('the certificate file'),
    key_file_mode: modeOf('the key file; one that lets others in is refused'),
    chain_file_mode: modeOf('the chain file'),
    cert_file_owner: ownerOf('the certificate file'),
    cert_file_group: groupOf('the certificate file'),
    key_file_owner: ownerOf('the key file'),
    key_file_group: groupOf('the key file'),
    chain_file_owner: ownerOf('the chain file'),
    chain_file_group: groupOf('the chain file'),
    backup_retention: {
      type: 'integer',
      minimum: -1,
      maximum: 1000,
      description: 'How many earlier pairs are kept. Default 3; -1: none.',
    },
    post_deploy_verify: {
      type: 'object',
      additionalProperties: false,
      description: 'One endpoint that must serve the new leaf.',
      properties: {
        enabled: { type: 'boolean', description: 'False: nothing is verified, and the outcome says so.' },
        endpoint: { type: 'string', maxLength: 300, description: '`HOST:PORT`, `[ADDRESS]:PORT` or `unix:/PATH`.' },
        timeout: { ...writtenValue, description: 'Time limit of one try. Default `"10s"`.' },
        protocol: { ...protocolValue, description: 'What the port speaks. Default: by its number.' },
        servername: { ...nameValue, description: "The name to ask for (SNI). Default: the certificate's first." },
      },
    },
    post_deploy_verify_attempts: {
      type: 'integer',
      minimum: 0,
      maximum: 100,
      description: 'Tries per endpoint. Default 8, or 3 where one of the two below is set.',
    },
    post_deploy_verify_backoff: {
      ...writtenValue,
      description: 'The first wait; it doubles. Default `"100ms"`, or `"1s"` where one of its neighbours is set.',
    },
    post_deploy_verify_max_backoff: { ...writtenValue, description: 'The longest wait. Default `"16s"`.' },
    endpoints: {
      type: 'array',
      maxItems: 200,
      description:
        'More endpoints, each `"HOST:PORT"` or `{"endpoint", "protocol", "servername", "key_type": "rsa" | "ecdsa"}`.',
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
              key_type: { enum: ['rsa', 'ecdsa'] },
            },
          },
        ],
      },
    },
  },
} as const

import type { KeyType, ProxyVersion } from '../../plan/plan.ts'

/** A duration or mode as targets write them: protocol §3. */
export type Written = string | number

/** An endpoint with what cannot be told from its port. */
export interface EndpointTarget {
  readonly endpoint: string
  readonly protocol?: string
  readonly servername?: string
  readonly key_type?: KeyType
  /** The PROXY header that it wants first. */
  readonly proxy?: ProxyVersion | 'v1' | 'v2'
}

/** What is verified, and how often: protocol §3, and our additions `endpoints` and `post_deploy_verify.protocol`. */
export interface VerifyTarget {
  readonly post_deploy_verify?: {
    readonly enabled?: boolean
    readonly endpoint?: string
    readonly timeout?: Written
    readonly protocol?: string
    readonly servername?: string
    readonly key_type?: KeyType
    readonly proxy?: ProxyVersion | 'v1' | 'v2'
  }
  readonly post_deploy_verify_attempts?: number
  readonly post_deploy_verify_backoff?: Written
  readonly post_deploy_verify_max_backoff?: Written
  readonly endpoints?: readonly (string | EndpointTarget)[]
}

/** The fields of every target: what its daemon runs, what is kept, what is verified. */
export interface ServiceTarget extends VerifyTarget {
  readonly reload_command?: string
  readonly validate_command?: string
  readonly backup_retention?: number
}

/** Mode, owner and group of one file: `cert_file_mode`, `cert_file_owner`, `cert_file_group`. */
export type AccessTarget<Prefix extends string> = { readonly [Field in `${Prefix}_mode`]?: Written } & {
  readonly [Field in `${Prefix}_owner` | `${Prefix}_group`]?: string
}

/** The fields that targets of a certificate file and a key file share: protocol §3. */
export interface PairTarget
  extends ServiceTarget,
    AccessTarget<'cert_file'>,
    AccessTarget<'key_file'>,
    AccessTarget<'chain_file'> {
  readonly layout?: 'files' | 'generation'
  readonly directory?: string
  readonly cert_path?: string
  readonly key_path?: string
  readonly chain_path?: string
}

/** A mail daemon's target, which may name the other one, or another instance than the system's. */
export interface MailTarget extends PairTarget {
  readonly mode?: 'postfix' | 'dovecot'
  readonly daemon_config?: string
}

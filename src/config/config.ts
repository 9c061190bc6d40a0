import type { NotifySettings } from '../notice/notify-settings.ts'
import type { KeyKind } from '../plan/key-kind.ts'
import type { AcmePolicy } from './acme-policy.ts'
import type { HostTargets } from './host-targets.ts'
import type { InstanceConfig } from './instances.ts'
import type { LookPolicy } from './look-policy.ts'
import type { OrderPolicy } from './order-policy.ts'

/** What the host allows (law 3), as written by its administrator. */
export interface PolicyConfig {
  /** Absolute folders; files may be written below these, symlinks resolved. */
  readonly roots: readonly string[]
  /** Folders that others than root write in, and that new names may be made in. */
  readonly folders: readonly KeptFolder[]
  /** Commands allowed beside the connectors' standard ones, each as one line split on white space. */
  readonly commands: readonly string[]
  /** Names that a certificate may carry, `*.` wildcards; null: any. */
  readonly names: readonly string[] | null
  /** Host names, addresses and CIDR ranges that may be probed beside loopback and the host's own addresses. */
  readonly probes: readonly string[]
  /** The folder of the passwords that targets name. */
  readonly passwordDir: string
  /** Files that no listener of the daemon reads. */
  readonly unreadPaths: 'refuse' | 'warn'
  /** Names that the host serves and the new certificate does not cover. */
  readonly uncoveredNames: 'refuse' | 'warn'
  /** A certificate that shares no name with the live one. */
  readonly unrelatedNames: 'refuse' | 'warn'
  /** A leaf without its chain, where the live one has one. */
  readonly missingChain: 'refuse' | 'warn'
  /** A key that takes the place of a listener's only RSA key beside keys of other types. */
  readonly keyType: 'refuse' | 'warn'
  /** The kinds of keys that jobs may have this host make. */
  readonly newKeys: readonly KeyKind[]
  /** A certificate that clients trust less than the live one, or that is from before it. */
  readonly worse: 'refuse' | 'warn'
  /** A certificate that clients refuse for what it is. */
  readonly unfit: 'refuse' | 'warn'
  /** TLSA records that do not match the new pair. */
  readonly dane: 'hold' | 'warn' | 'off'
  /** What this host looks at from outside for others; null: nothing. */
  readonly look: LookPolicy | null
  /** `local`: jobs are taken for the host's own targets alone, and bring a certificate and nothing else. */
  readonly targets: 'open' | 'local'
  /** Jobs that change something are taken with a signed order alone that covers them; null: without, too. */
  readonly orders: OrderPolicy | null
  readonly acme: AcmePolicy
  /** Accounts and groups that jobs may give files to, beside root's and the daemon's own. */
  readonly owners: readonly string[]
  /** DNS servers to ask for them, `ADDRESS` or `ADDRESS:PORT`; empty: the system's. */
  readonly resolvers: readonly string[]
}

/** A folder, with all below it, whose owner and group the administrator has named. */
export interface KeptFolder {
  /** Absolute. */
  readonly path: string
  readonly owner: string
  /** Null: its group may not write. */
  readonly group: string | null
}

export interface ControlPlaneConfig {
  /** https only. */
  readonly url: string
  /** PEM file of the roots to trust; null: the system's. */
  readonly caFile: string | null
  readonly agentId: string | null
  readonly agentName: string | null
  readonly credentialFile: string | null
  /** A client certificate in place of a credential that is sent; null: what it was enrolled with. */
  readonly clientCertificate: boolean | null
}

/** The configuration with every default resolved; deeply frozen. */
export interface Config {
  /** Null: only the local commands work. */
  readonly controlPlane: ControlPlaneConfig | null
  readonly stateDir: string
  /** The folder of the host's own targets, and what is in it. */
  readonly targetsDir: string
  readonly hostTargets: HostTargets
  /** Daemons beside the default ones. */
  readonly instances: readonly InstanceConfig[]
  /** Where keys are kept; null: `keys` below the state directory. From the environment only. */
  readonly keyDir: string | null
  /** Where the agent before this one kept its keys, which are read and never changed; null: there was none. From the environment only. */
  readonly foreignKeyDir: string | null
  /** Absolute folders that are searched for certificates; none: no search is made. */
  readonly discovery: { readonly folders: readonly string[] }
  readonly pollIntervalMs: number
  /** How long a call for work waits at a server that knows it; 0: not at all. */
  readonly pollWaitMs: number
  readonly heartbeatIntervalMs: number
  /** How many services are deployed to at the same time. */
  readonly parallelServices: number
  /** Cron expression of the drift watch; `hourly`: once an hour in a minute of this host's own; null: off. */
  readonly driftWatch: string | null
  /** Who is told of what is the matter; null: nobody. */
  readonly notify: NotifySettings | null
  /** Mail domains whose MTA-STS policies are compared with what is served; null: `check` takes those of Postfix's settings. */
  readonly mtaSts: { readonly domains: readonly string[] | null }
  /** `null`: no status endpoint. */
  readonly status: { readonly host: string; readonly port: number } | { readonly socket: string } | null
  readonly policy: PolicyConfig
  readonly timeouts: { readonly checkMs: number; readonly activateMs: number }
  /** Modules of connectors from outside, absolute paths. */
  readonly connectors: readonly string[]
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

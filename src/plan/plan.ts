/** An argv array: no shell ever sees it (law 2). */
export type Command = readonly [program: string, ...args: string[]]

export type FileRole = 'certificate' | 'chain' | 'key' | 'bundle' | 'other'

/** One file that a deployment writes. */
export interface PlannedFile {
  /** Absolute. */
  readonly path: string
  readonly role: FileRole
  /** Never journalled, never logged (law 4). */
  readonly contents: Uint8Array
  /** Permission bits; `keep`: the live file's, else the role's default. */
  readonly mode: number | 'keep'
  /** Name or number; `keep`: the live file's, else root. */
  readonly owner: string | 'keep'
  readonly group: string | 'keep'
  /** What a daemon needs of a file that is not there yet, where the defaults are not right. */
  readonly fresh?: { readonly mode?: number; readonly owner?: string; readonly group?: string }
}

/** The protocols that a probe can speak before and around TLS. */
export const probeProtocols = ['tls', 'smtp', 'lmtp', 'imap', 'pop3', 'sieve'] as const
export type ProbeProtocol = (typeof probeProtocols)[number]

/** The kinds of key that a leaf may have and a client can ask for: by its signature algorithms (RFC 8446 §4.2.3). */
export const keyTypes = ['rsa', 'rsa-pss', 'ecdsa', 'ed25519', 'ed448'] as const
export type KeyType = (typeof keyTypes)[number]

/** The versions of the PROXY header (haproxy's proxy-protocol.txt). */
export type ProxyVersion = 1 | 2

/** One look at one live socket. */
export interface Probe {
  /** A name, an address, or the path of a Unix socket. */
  readonly host: string
  /** 0 with a Unix socket. */
  readonly port: number
  /** The name that `host` is one address of, where the target gave a name. */
  readonly name?: string
  readonly protocol: ProbeProtocol
  /** The SNI name to ask for; null: none. */
  readonly servername: string | null
  /** Which leaf to ask for, where a daemon serves several. */
  readonly keyType: KeyType | null
  /** The PROXY header that the listener wants before anything else; left out: none. */
  readonly proxy?: ProxyVersion
  /** Time limit of one try, in milliseconds. */
  readonly timeoutMs: number
}

/** How often a verification looks, and how long it waits in between (milliseconds). */
export interface RetrySchedule {
  readonly attempts: number
  readonly initialMs: number
  readonly maxMs: number
}

/** What the daemon's own settings say of the files that a plan writes. */
export interface PlannedWiring {
  /** Paths that its settings name. */
  readonly read: readonly string[]
  /** Planned paths that its settings name in the role that they are planned in, or in one that cannot be told; left out: none. */
  readonly named?: readonly { readonly path: string; readonly isRoleKnown: boolean }[]
  /** Planned paths that no listener reads. */
  readonly unread: readonly string[]
  /** Planned paths that no listener is seen to read, while `doubts` says why one may read them all the same. */
  readonly untold: readonly string[]
  /** What its settings leave open, a sentence each. */
  readonly doubts: readonly string[]
  /** The names that the listeners which read the planned files are asked for; `*.example.net`: any name below it. */
  readonly names: readonly string[]
  /** Files of other pairs that these listeners read; left out: none. */
  readonly beside?: readonly string[]
  /** Files that a listener reads together, where not all of them are planned, or not all of the planned pair are among them; left out: none. */
  readonly together?: readonly (readonly string[])[]
}

/** A table that is compiled anew, for it holds a copy of a planned file. */
export interface PlannedTable {
  readonly source: string
  /** Compiles it. */
  readonly command: Command
  /** The names in it whose files are none of the plan's. */
  readonly others: readonly PlannedEntry[]
}

/** One name of a table. */
export interface PlannedEntry {
  /** `*.example.net`: each name below it. */
  readonly servername: string
  readonly paths: readonly string[]
  /** Where it can be seen what is served for the name; null: nowhere from here. */
  readonly probe: Probe | null
}

/** Another daemon that reads a file of the plan: it is checked, activated, proven and undone with the plan's own. */
export interface PlannedService
  extends Pick<
    Plan,
    'check' | 'checkReadsCertificates' | 'activate' | 'recover' | 'probes' | 'tables' | 'agreeingLooks'
  > {
  /** What is reloaded together: `dovecot`. */
  readonly service: string
}

/** All that one deployment will do, as data (law 1). */
export interface Plan {
  /** The connector's name: `postfix`. */
  readonly connector: string
  /** What is reloaded together; jobs of one service never overlap. */
  readonly service: string
  readonly files: readonly PlannedFile[]
  readonly check: Command | null
  /**
   * Whether the check reads certificates. `false`: it is run once, before anything is touched, and decides there. `true`, as
   * when it is left out: what it says of the new files decides, for they may be what mends it. `unknown`: it decides at both.
   */
  readonly checkReadsCertificates?: boolean | 'unknown'
  readonly activate: readonly Command[]
  readonly recover: readonly Command[]
  readonly probes: readonly Probe[]
  /** Why there is no probe, in a sentence for the outcome; null when there is one. */
  readonly unverified: string | null
  readonly retry: RetrySchedule
  /**
   * How many looks in a row have to agree where one process owns the socket: 1 where the old leaf cannot show any more once
   * the reload has returned. Left out: 3.
   */
  readonly agreeingLooks?: 1 | 3
  /** What the daemon's own settings say of the paths; null: they could not be asked. */
  readonly wiring: PlannedWiring | null
  /** Where the files are a generation behind one symlink; null: each is replaced where it is. */
  readonly generation: { readonly directory: string; readonly link: string } | null
  /** The tables that its activation compiles anew; left out: none. */
  readonly tables?: readonly PlannedTable[]
  /** What the connector has to say about it, a sentence each; they become warnings of the outcome. */
  readonly remarks?: readonly string[]
  /** Generations kept for `waxseal rollback`; -1: none. */
  readonly backupRetention: number
}

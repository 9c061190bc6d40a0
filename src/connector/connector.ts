import type { Material } from '../material/material.ts'
import type { Command, Plan } from '../plan/plan.ts'
import type { HostView } from './host-view.ts'
import type { Instance, UsualInstance } from './instance.ts'
import type { Unwired, Wiring } from './wiring/wiring.ts'

/** By what it can be told, at no cost, that a daemon runs. */
export interface SignsOfLife {
  /** One of these names a process, as Debian's package has it. */
  readonly pidFiles: readonly string[]
  /** Where it writes none, or elsewhere: one of these is active. */
  readonly units: readonly string[]
  /** Where there is no systemd: a process has this name, as ps(1) shows it. */
  readonly process: string
}

/** What has a daemon load new files, and the old ones again. */
export interface LoadingCommands {
  readonly activate: Command
  readonly recover: Command
}

/** The daemon itself, as it is run on this host by default: what is asked of it when a pair that it reads is replaced by another's target. */
export interface OwnService {
  /** What is reloaded together: `postfix`. */
  readonly service: string
  readonly check: Command
  /** False: no certificate can make its check fail. */
  readonly checkReadsCertificates?: false
  readonly reload: Command
  /** What has it load files, where that depends on how it runs at this moment; left out: its reload. */
  loading?(host: HostView): Promise<LoadingCommands>
  /** 1: once this reload has returned, the daemon shows the old leaf no more. */
  readonly agreeingLooks?: 1
  /** Of an instance: `sockets`, that one of them is there; `answers`, that it can be asked for its settings: it is in a container. */
  readonly signs: SignsOfLife | 'sockets' | 'answers'
}

/**
 * What the agent knows about one kind of daemon. A connector plans; it never acts (law 1).
 * `plan` refuses with TARGET_INVALID or TARGET_REDACTED; equal inputs give equal plans.
 */
export interface Connector<Target = unknown> {
  /** Also the folder's name: `postfix`. */
  readonly name: string
  /** The types that a job's target carries: `Postfix`. */
  readonly aliases: readonly string[]
  /** One sentence for a person. */
  readonly description: string
  /** JSON schema of Target; unknown keys are refused. */
  readonly schema: object
  /** A target that shows what is the connector's own: the reference prints it, the contract test plans it. */
  readonly example: Target
  /** The daemon's own check, activate and recover commands, allowed without a line in the policy. */
  readonly standardCommands: readonly Command[]
  /** Accounts that the daemon runs as: a job may give them files without a line in the policy. */
  readonly accounts?: readonly string[]
  /** What a job's `daemon_config`, sockets or `admin_api` may say without a line of the host's; left out: nothing. */
  readonly usual?: UsualInstance
  /** The same connector for another instance than the default one; left out: its daemon has one alone. */
  at?(instance: Instance): Connector<Target>
  /** What the daemon's own settings say that it reads. Left out: it has no such settings. */
  readWiring?(host: HostView, target?: Target): Promise<Wiring | Unwired>
  /** Left out: another's target that replaces a pair which it reads too cannot have it reloaded. */
  readonly own?: OwnService
  plan(target: Target, material: Material, host: HostView, signal: AbortSignal): Promise<Plan>
}

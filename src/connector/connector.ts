import type { Material } from '../material/material.ts'
import type { Command, Plan } from '../plan/plan.ts'
import type { Unwired, Wiring } from './wiring.ts'

/** What a host view returns of a read-only command. */
export interface ReadOutput {
  readonly exitCode: number | null
  /** At most 8 MiB. */
  readonly stdout: string
  /** The end of all that it printed, printable; or why it could not be started. */
  readonly output: string
  /** There is no such program on this host. */
  readonly isMissing: boolean
}

/** A password that the host keeps for a file, or why there is none. */
export type HostPassword = { readonly password: string } | { readonly reason: string }

/** Reads, and only reads: files, users, and the daemon's own settings by its read-only commands. */
export interface HostView {
  /** The bytes, at most 1 MiB; null when there is no such file. */
  readFile(path: string): Promise<Uint8Array | null>
  exists(path: string): Promise<boolean>
  /** The names in a folder, sorted, at most 10,000; null when there is no such folder. */
  list(path: string): Promise<readonly string[] | null>
  /**
   * Which entry of which folder a path leads to, at this moment: two paths that a rename replaces together give the same text,
   * whatever symbolic links, `..` and bind mounts of folders are in them. Nothing need be there. It is no path.
   */
  identity(path: string): Promise<string>
  /**
   * The file itself: names of one file, such as hard links, give the same text; null when there is none. A rename onto one of
   * them leaves the others as they are.
   */
  inode(path: string): Promise<string | null>
  /** Permission bits; null when there is no such file. */
  mode(path: string): Promise<number | null>
  /** Numeric ids of an account; null when the host has no such account. */
  user(name: string): Promise<{ readonly uid: number; readonly gid: number } | null>
  /** By its name in the folder `policy.password_dir`. */
  password(name: string): Promise<HostPassword>
  /** With the files that alone decide what it says, the answer of before is given while none of them has changed. */
  run(command: Command, reads?: readonly string[]): Promise<ReadOutput>
}

/** The daemon itself, as it is run on this host by default: what is asked of it when a pair that it reads is replaced by another's target. */
export interface OwnService {
  /** What is reloaded together: `postfix`. */
  readonly service: string
  readonly check: Command
  /** False: no certificate can make its check fail. */
  readonly checkReadsCertificates?: false
  readonly reload: Command
  /** 1: once this reload has returned, the daemon shows the old leaf no more. */
  readonly agreeingLooks?: 1
  /** One of these is there when it runs, as Debian's package has it. */
  readonly pidFiles: readonly string[]
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
  /**
   * What the daemon's own settings say that it reads: of the instance that a target names; without one, of the system's. Left
   * out: it has no such settings.
   */
  readWiring?(host: HostView, target?: Target): Promise<Wiring | Unwired>
  /** Left out: another's target that replaces a pair which it reads too cannot have it reloaded. */
  readonly own?: OwnService
  plan(target: Target, material: Material, host: HostView, signal: AbortSignal): Promise<Plan>
}

import type { Command } from '../plan/plan.ts'

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

import type { Keeper } from './keeper.ts'
import type { FileRole } from './plan.ts'

/** What identifies one version of one file. */
export interface FileVersion {
  /** As `fileDigest` gives it. */
  readonly digest: string
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** One file of a deployment: where it goes, what was there, and the names it has on the way. */
export interface FileChange {
  /** As planned. */
  readonly path: string
  readonly role: FileRole
  /** `path` with symlinks resolved: the file that is replaced. */
  readonly destination: string
  /** The new file, beside the destination until the commit. */
  readonly staged: string
  /** The old file, beside the destination from the commit to the end. */
  readonly kept: string
  /** Null: there was no such file. */
  readonly before: FileVersion | null
  readonly after: FileVersion
  /** Who may write in its folder beside root; left out: nobody. */
  readonly keeper?: Keeper
}

import type { FileChange } from './file-change.ts'
import type { LinkSwitch } from './link-switch.ts'

/** All that one deployment changes on disk. */
export interface ChangeSet {
  /** With a link: files of the new generation, none of which was there before. */
  readonly files: readonly FileChange[]
  /** Null: each file is replaced where it is. */
  readonly link: LinkSwitch | null
}

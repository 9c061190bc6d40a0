import type { Keeper } from './keeper.ts'

/** The one rename that makes a generation live: certificate, chain and key at the same moment. */
export interface LinkSwitch {
  /** The symlink that the daemon's paths lead through, absolute, its folder resolved. */
  readonly link: string
  /** The new symlink, beside it until the commit. */
  readonly staged: string
  /** What the symlink said; null: there was none. */
  readonly before: string | null
  /** What it is to say: `generations/20261124T030405Z-1f2e3d4c`. */
  readonly after: string
  /** The new generation, absolute. */
  readonly folder: string
  /** Names of files in the generation before this one, as its record has them; they go when this one is live. Left out: those of this one. */
  readonly earlier?: readonly string[]
  /** Who may write in the folder of the link beside root; left out: nobody. */
  readonly keeper?: Keeper
}

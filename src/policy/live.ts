import type { Certificate } from '../material/material.ts'

/** What the new pair takes the place of. */
export interface Live {
  /** What the files hold now, leaf first; empty: nothing that can be read. */
  readonly certificates: readonly Certificate[]
  /** The key types of the other pairs that the same listeners read. */
  readonly beside: readonly Certificate['keyType'][]
}

/** Who may write in a folder beside root and the user that Waxseal runs as: by `policy.folders` of the host. */
export interface Keeper {
  readonly uid: number
  /** A group that may write, too; null: none. */
  readonly gid: number | null
}

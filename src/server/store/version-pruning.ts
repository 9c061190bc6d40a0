/** Which old versions stay. */
export interface KeptVersions {
  /** So many of a certificate, the newest. */
  readonly keep: number
  /** And all that ended later than this, in milliseconds since 1970. */
  readonly endedBefore: number
}

/** How the history of versions stays bounded. */
export interface VersionPruning {
  /**
   * Removes old versions of the certificates behind `after` (an id), so many of them. Never one that a host may still have, as far as
   * jobs say, one that an open job or a roll-out that is not over names, one of a host that is asked first after a restore, or one
   * that was revoked: its key is refused for ever. Returns the last certificate that was looked at; null: there is none behind `after`.
   */
  prune(kept: KeptVersions, after: string, certificates: number): Promise<PrunedVersions | null>
}

/** One part of it. */
export interface PrunedVersions {
  readonly last: string
  readonly count: number
}

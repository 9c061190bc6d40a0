import type { OnHostRow, VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/** What hosts have of a certificate that is newer than the newest version. */
export interface NewerOnHost {
  readonly seen: readonly OnHostRow[]
  /** All its targets have that: the certificate is as new as the oldest of them. Where they differ it is due. */
  readonly isEverywhere: boolean
}

/** Of a host that was asked after a restore. A version that is signed later makes it the past. */
export async function newerOnHost(
  { certificates, holds }: Pick<Store, 'certificates' | 'holds'>,
  certificateId: string,
  version: VersionRow | null,
): Promise<NewerOnHost> {
  const all = await holds.seen(certificateId)
  if (all.length === 0) return { seen: [], isEverywhere: false }
  const seen = all.filter((row) => isNewerOnHost(row, version))
  const targets = await certificates.stillDeployedTo(certificateId)
  const isEverywhere = targets.length > 0 && targets.every((targetId) => seen.some((row) => row.targetId === targetId))
  return { seen, isEverywhere }
}

/** The one that ends later was issued later; but what was issued here since then follows it, whenever it ends. */
export function isNewerOnHost(
  { notBefore, notAfter, seenAt }: Pick<OnHostRow, 'notBefore' | 'notAfter' | 'seenAt'>,
  version: VersionRow | null,
): boolean {
  if (version === null) return true
  // Near the end of a CA all end with it.
  const isLater = notAfter > version.notAfter || (notAfter === version.notAfter && notBefore > version.notBefore)
  return isLater && seenAt >= version.issuedAt
}

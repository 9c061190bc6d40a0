import { dueInWindow, hastenedFrom, type IssuerWindow } from '../../renewal/issuer-window.ts'
import { dueAt } from '../../renewal/when-due.ts'
import type { RenewalInfoRow } from '../../store/renewal-info-store.ts'
import type { VersionRow } from '../../store/rows.ts'
import type { Store } from '../../store/store.ts'

/** When a version is due, in milliseconds since 1970, and by whose word. */
export interface DueTime {
  readonly at: number
  readonly by: 'issuer' | 'share'
}

/** By the window that its issuer suggests, else by our own rule. An issuer that hastens each new version is not followed at once. */
export async function dueByIssuer(
  { renewalInfos, versions }: Pick<Store, 'renewalInfos' | 'versions'>,
  version: VersionRow,
  renewShare: number | null,
): Promise<DueTime> {
  const own = dueAt(version, renewShare)
  const window = windowOf(await renewalInfos.of(version.certificateId, version.number))
  const at = dueInWindow(version, renewShare, window)
  if (at >= own) return { at, by: at === own ? 'share' : 'issuer' }
  const [, before] = await versions.list(version.certificateId, 2)
  return { at: Math.min(own, Math.max(at, hastenedFrom(version, before ?? null))), by: 'issuer' }
}

/** Its issuer has moved its renewal forward: it may be revoked soon, and no window of ours holds up what replaces it. */
export async function isHastened(
  { renewalInfos }: Pick<Store, 'renewalInfos'>,
  { certificateId, number }: Pick<VersionRow, 'certificateId' | 'number'>,
): Promise<boolean> {
  const info = await renewalInfos.of(certificateId, number)
  return info !== null && info.urgentBy !== null
}

/** Null: its issuer suggests none. */
function windowOf(row: Pick<RenewalInfoRow, 'startsAt' | 'endsAt'> | null): IssuerWindow | null {
  if (row === null || row.startsAt === null || row.endsAt === null) return null
  return { startsAt: row.startsAt, endsAt: row.endsAt }
}

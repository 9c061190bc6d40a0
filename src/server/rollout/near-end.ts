import { dueAt } from '../renewal/when-due.ts'
import type { VersionRow } from '../store/rows.ts'

/**
 * From when on the end of a certificate is near, in milliseconds since 1970: half of what lies between its planned renewal and its end is
 * over. No window and no roll-out that stands still holds up longer what replaces it.
 */
export function nearEndAt(
  version: Pick<VersionRow, 'certificateId' | 'notBefore' | 'notAfter'>,
  renewShare: number | null,
): number {
  const due = dueAt(version, renewShare)
  return Math.round(due + (version.notAfter - due) / 2)
}

import type { VersionRow } from '../store/rows.ts'
import { dueAt, fractionOf, lastSafeAt } from './when-due.ts'

const dayMs = 24 * 3_600_000
const betweenShare = 1 / 4
/** Of a window: behind it there is time for what fails, and its end is still within. */
const usedShare = 2 / 3

/** When an issuer would have a certificate renewed (RFC 9773), in milliseconds since 1970. */
export interface IssuerWindow {
  readonly startsAt: number
  readonly endsAt: number
}

type Life = Pick<VersionRow, 'certificateId' | 'number' | 'notBefore' | 'notAfter'>

/**
 * When a version is to be renewed whose issuer suggests a window: a moment in its first two thirds, the same on every server, and spread over it by the
 * certificate's id. What of the window lies before the version's beginning counts for nothing, and so does what lies after the last safe
 * moment of our own rule. That rule holds where nothing is left, and where the window was open from the beginning on and leaves time for it: such a
 * window hurries nothing (pebble 2.6 gives two days, however short the life). A window wholly in the past means a moment in the past.
 */
export function dueInWindow(version: Life, renewShare: number | null, window: IssuerWindow | null): number {
  const own = dueAt(version, renewShare)
  const safe = lastSafeAt(version, renewShare)
  if (window === null || window.startsAt >= safe) return own
  const startsAt = window.endsAt > version.notBefore ? Math.max(window.startsAt, version.notBefore) : window.startsAt
  const used = window.endsAt < version.notAfter ? startsAt + (window.endsAt - startsAt) * usedShare : safe
  const endsAt = Math.min(used, safe)
  if (window.startsAt <= version.notBefore && own <= endsAt) return own
  return Math.round(startsAt + (endsAt - startsAt) * fractionOf(`${version.certificateId} ${version.number}`))
}

/**
 * The end of a window that an issuer moved before our own rule's moment: it may revoke the certificate then. Null: it has the window
 * where we would renew, too.
 */
export function urgentBy(version: Life, renewShare: number | null, { endsAt }: IssuerWindow): number | null {
  return endsAt < dueAt(version, renewShare) ? endsAt : null
}

/**
 * From when on a version may be renewed because its issuer hastens it, in milliseconds since 1970. `before`: the version before it. The
 * first is hastened at once; an issuer that calls each new certificate late gets one in a day, or in a quarter of its lifetime.
 */
export function hastenedFrom({ notBefore, notAfter }: Life, before: Pick<VersionRow, 'issuedAt'> | null): number {
  if (before === null) return notBefore
  return before.issuedAt + Math.min(dayMs, Math.max(0, notAfter - notBefore) * betweenShare)
}

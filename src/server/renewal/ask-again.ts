import type { VersionRow } from '../store/rows.ts'
import { fractionOf, type Pace, pauseAfter } from './when-due.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** RFC 9773, 4.3.2: below a minute it counts as a minute, and above a day as a day. */
const bounds = { least: minuteMs, most: 24 * hourMs } as const
/** As long as an issuer says nothing else (RFC 9773, 4.3.3). */
const usualMs = 6 * hourMs
/** Of the time that an issuer asks for: up to so much more is waited, each certificate another part. */
const spreadShare = 0.1
const firstAskMs = hourMs
const firstAskShare = 0.1

const failingPace: Pace = { firstMs: minuteMs, longestMs: usualMs }

/** When the issuer of a new version is asked about it for the first time: within an hour, or a tenth of its lifetime. Milliseconds since 1970. */
export function firstAskAt({
  certificateId,
  issuedAt,
  notBefore,
  notAfter,
}: Pick<VersionRow, 'certificateId' | 'issuedAt' | 'notBefore' | 'notAfter'>): number {
  const most = Math.min(firstAskMs, Math.max(0, notAfter - notBefore) * firstAskShare)
  return Math.round(issuedAt + most * fractionOf(`${certificateId} ask`))
}

/** How long to wait before an issuer is asked again that answered, in milliseconds. `askedFor`: its Retry-After; null: it gave none. */
export function askAgainAfter(askedFor: number | null, id: string): number {
  const wanted = Math.min(bounds.most, Math.max(bounds.least, askedFor ?? usualMs))
  return Math.round(wanted * (1 + spreadShare * fractionOf(`${id} again`)))
}

/** The same after an ask that failed. */
export function askAfterFailures(failures: number, id: string): number {
  return pauseAfter(failures, Number.POSITIVE_INFINITY, id, failingPace)
}

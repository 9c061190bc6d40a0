import type { WaxsealError } from '../error/waxseal-error.ts'

const firstMs = 1000
const longestMs = 5 * 60_000
const longestRefusedMs = 60 * 60_000
const longestAwayMs = 60_000

/** Milliseconds to the next poll: the interval ±20 %. */
export function pollWait(intervalMs: number, random: number): number {
  return intervalMs * (0.8 + 0.4 * random)
}

/** So often, in milliseconds, a control plane that is away is asked by who polls it at this interval. */
export function awayMs(intervalMs: number): number {
  return Math.min(2 * intervalMs, longestAwayMs)
}

/** No server has a host ask it more seldom than after so long, in milliseconds: after five minutes without a call a host is silent. */
export const longestToldMs = 3 * 60_000

/** Whether there was no answer, or none that counts: the control plane is away, or has too much to do. */
export function isAway({ code }: WaxsealError): boolean {
  return code === 'CONTROL_PLANE_UNREACHABLE'
}

/** Whether there was no answer at all, not even an error of the server's own. */
export function isUnanswered(error: WaxsealError): boolean {
  return isAway(error) && error.details['status'] === undefined
}

/**
 * Milliseconds after the `failures`th failure in a row. Of a control plane that is away: any part of a minute first, for all hosts lose
 * it at the same moment, then a minute ±20 %, so that a fleet comes back as slowly as it calls (simulated for 10,000 hosts: 189 first
 * contacts a second). Else full jitter, 1 s doubling to 5 min; to an hour when the credential is refused. Never before the server's
 * Retry-After, and a part later, for others were told the same. `away`: how often one that is away is asked, in milliseconds.
 */
export function failureWait(error: WaxsealError, failures: number, random: number, away: number): number {
  const wait = isAway(error) ? awayWait(failures, random, away) : backoff(error, failures) * random
  const asked = error.details['retryAfterMs']
  return Math.max(wait, typeof asked === 'number' ? afterRetryAfter(asked, random) : 0)
}

/** Milliseconds where a server asks for so many: up to a fifth more. */
export function afterRetryAfter(askedMs: number, random: number): number {
  return askedMs * (1 + random / 5)
}

function awayWait(failures: number, random: number, away: number): number {
  return failures === 1 ? away * random : pollWait(away, random)
}

function backoff({ code, details }: WaxsealError, failures: number): number {
  const { status } = details
  const isRefused = code === 'CONTROL_PLANE_REFUSED' && (status === 401 || status === 403)
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 30), isRefused ? longestRefusedMs : longestMs)
}

import type { WaxsealError } from '../error/waxseal-error.ts'

const firstMs = 1000
const longestMs = 5 * 60_000
const longestRefusedMs = 60 * 60_000

/** Milliseconds to the next poll: the interval ±20 %. */
export function pollWait(intervalMs: number, random: number): number {
  return intervalMs * (0.8 + 0.4 * random)
}

/**
 * Milliseconds after the `failures`th failure in a row: full jitter, 1 s doubling to 5 min; to an hour when the credential
 * is refused; never before the server's Retry-After.
 */
export function failureWait(error: WaxsealError, failures: number, random: number): number {
  const status = error.details['status']
  const isRefused = error.code === 'CONTROL_PLANE_REFUSED' && (status === 401 || status === 403)
  const ceiling = Math.min(firstMs * 2 ** Math.min(failures - 1, 30), isRefused ? longestRefusedMs : longestMs)
  const asked = error.details['retryAfterMs']
  return Math.max(ceiling * random, typeof asked === 'number' ? asked : 0)
}

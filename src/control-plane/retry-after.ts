const longestMs = 86_400_000

/** Milliseconds that a Retry-After header asks for, in seconds or as a date (RFC 9110 §10.2.3); null: none that can be read. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), longestMs) : null
}

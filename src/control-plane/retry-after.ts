const longestMs = 86_400_000

/** Milliseconds that a Retry-After header asks for, in seconds or as a date (RFC 9110 §10.2.3); null: none that can be read. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null
  const text = header.trim()
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : parseDate(text) - now
  return Number.isNaN(wait) ? null : Math.min(Math.max(wait, 0), longestMs)
}

const zoned = /^[A-Z][a-z]+, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d GMT$/
const asctime = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/

/** The three forms of RFC 9110 §5.6.7 only: Date.parse alone finds a year in nearly any text. NaN: none of them. */
function parseDate(text: string): number {
  if (zoned.test(text)) return Date.parse(text)
  return asctime.test(text) ? Date.parse(`${text} GMT`) : Number.NaN
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const part = /(\d+(?:\.\d+)?)(ns|us|\u00b5s|ms|s|m|h|d)/y
const longestMs = 366 * 86_400_000

/** Milliseconds of `"2s"`, `"500ms"`, `"1m30s"`, or of an integer number of nanoseconds. Throws RangeError. */
export function parseDuration(value: string | number): number {
  const ms = typeof value === 'number' ? value / 1e6 : parseParts(value)
  if (ms !== null && Number.isFinite(ms) && ms >= 0 && ms <= longestMs) return ms
  throw new RangeError('a duration is a string such as "2s" or "500ms", or an integer number of nanoseconds')
}

function parseParts(text: string): number | null {
  let ms = 0
  part.lastIndex = 0
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return null
    ms += Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN)
  }
  return text === '' ? null : ms
}

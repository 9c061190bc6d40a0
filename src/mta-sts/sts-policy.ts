/** A policy of MTA-STS (RFC 8461 §3.2). */
export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none'
  /** In seconds. */
  readonly maxAge: number
  /** Names, or `*.` and a name, in lower case. */
  readonly mx: readonly string[]
}

const mostMx = 100
const longestAge = 31_557_600
const pattern = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+$/

/** Reads a policy; a text: why it is none, the rest of a sentence. Fields that are not known are left out, as the RFC has it. */
export function readPolicy(text: string): StsPolicy | string {
  const fields = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => /^\s*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})\s*:(.*)$/.exec(line))
  if (fields.includes(null)) return 'has a line that is no field'
  const all = fields.map((match) => [match?.[1] ?? '', match?.[2]?.trim() ?? ''] as const)
  // Of a field that is there twice the first counts; mx alone may be there often.
  const first = (wanted: string): string | undefined => all.find(([name]) => name === wanted)?.[1]
  if (first('version') !== 'STSv1') return 'does not say version: STSv1'
  const mode = first('mode')
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') return 'has no mode: enforce, testing or none'
  const maxAge = first('max_age') ?? ''
  if (!/^\d{1,10}$/.test(maxAge) || Number(maxAge) > longestAge) return 'has no max_age from 0 to 31557600'
  const mx = all.filter(([name]) => name === 'mx').map(([, value]) => value.toLowerCase())
  if (mx.length === 0 && mode !== 'none') return 'names no mx'
  if (mx.length > mostMx) return `names more than ${mostMx} mx`
  const wrong = mx.find((one) => !pattern.test(one) || one.length > 253)
  return wrong === undefined
    ? { mode, maxAge: Number(maxAge), mx }
    : 'has an mx that is neither a name nor *. and a name'
}

/** Deeper than any target is. */
const deepest = 20

/**
 * The one spelling of a JSON value (RFC 8785): no white space, names in the order of their UTF-16 code units, numbers and strings as
 * ECMAScript writes them. Throws for what JSON has not, for text that is no Unicode, and for what is nested deeper than 20.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > deepest) throw new Error(`it is nested deeper than ${deepest}`)
  if (typeof value === 'string') return stringOf(value)
  if (typeof value === 'boolean' || value === null) return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  if (typeof value !== 'object') throw new Error('it holds what JSON has not')
  const fields = Object.entries(value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, field]) => `${stringOf(name)}:${canonicalJson(field, depth + 1)}`)
  return `{${fields.join(',')}}`
}

function stringOf(text: string): string {
  if (!text.isWellFormed()) throw new Error('it holds text that is no Unicode')
  return JSON.stringify(text)
}

import type { Random } from './random.ts'

/** What programs stumble over, each put in as it is. */
const words = [
  '',
  ' ',
  '\0',
  '\n',
  '\r\n',
  '\t',
  '"',
  "'",
  '\\',
  '{',
  '}',
  '[',
  ']',
  '<',
  '#',
  ';',
  '=',
  '$x',
  '%n',
  '..',
  '/',
  '/etc/shadow',
  '../../etc/shadow',
  '__proto__',
  'constructor',
  'toString',
  '-1',
  '0',
  '65536',
  '1e999',
  '9007199254740993',
  'NaN',
  'null',
  '\u001b]0;owned\u0007',
  '\u202e',
  '\u2028',
  '\ud800',
  '\ufeff',
  'é'.repeat(300),
  'A'.repeat(5000),
  '{'.repeat(2000),
  '['.repeat(2000),
  '*a'.repeat(40),
  '-----BEGIN CERTIFICATE-----\n',
  '-----END CERTIFICATE-----\n',
] as const

/** A text that differs from this one at one to eight places. */
export function mutateText(text: string, random: Random): string {
  let mutated = text
  for (let left = 1 + random.below(8); left > 0; left -= 1) mutated = changeText(mutated, random)
  return mutated
}

function changeText(text: string, random: Random): string {
  const at = random.below(text.length + 1)
  const end = Math.min(text.length, at + 1 + random.below(random.pick([1, 4, 64, 1024])))
  switch (random.below(7)) {
    case 0:
      return text.slice(0, at) + random.pick(words) + text.slice(at)
    case 1:
      return text.slice(0, at) + random.pick(words) + text.slice(end)
    case 2:
      return text.slice(0, at) + text.slice(end)
    case 3:
      return text.slice(0, end) + text.slice(at)
    case 4:
      return text.slice(0, at) + String.fromCharCode(random.below(0x250)) + text.slice(at + 1)
    case 5:
      return swapLines(text, random)
    default:
      return random.below(4) === 0
        ? text.slice(0, at)
        : text.slice(0, at) + text.slice(at, end).repeat(3) + text.slice(end)
  }
}

function swapLines(text: string, random: Random): string {
  const lines = text.split('\n')
  const [one, other] = [random.below(lines.length), random.below(lines.length)]
  const moved = lines[one] ?? ''
  lines[one] = lines[other] ?? ''
  lines[other] = moved
  return lines.join('\n')
}

/** Bytes that differ from these at one to eight places. */
export function mutateBytes(bytes: Uint8Array, random: Random): Buffer {
  let mutated = Buffer.from(bytes)
  for (let left = 1 + random.below(8); left > 0; left -= 1) mutated = changeBytes(mutated, random)
  return mutated
}

function changeBytes(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes)
  const at = random.below(copy.length + 1)
  const end = Math.min(copy.length, at + 1 + random.below(random.pick([1, 4, 64, 1024])))
  switch (random.below(6)) {
    case 0:
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
      return copy
    case 1:
      if (at < copy.length) copy[at] = random.pick([0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xff])
      return copy
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(end)])
    case 3:
      return Buffer.concat([copy.subarray(0, end), copy.subarray(at)])
    case 4:
      return Buffer.concat([copy.subarray(0, at), Buffer.from(random.pick(words)), copy.subarray(at)])
    default:
      return random.below(4) === 0 ? Buffer.from(copy.subarray(0, at)) : copy.fill(random.below(256), at, end)
  }
}

type Json = unknown

/** A JSON value that differs from this one at one to four places: other types, odd texts, left-out and added members. */
export function mutateJson(value: Json, random: Random): Json {
  let mutated = structuredClone(value)
  for (let left = 1 + random.below(4); left > 0; left -= 1) mutated = changeJson(mutated, random, 0)
  return mutated
}

function changeJson(value: Json, random: Random, depth: number): Json {
  if (Array.isArray(value) && value.length > 0 && random.below(6) > 0) {
    const at = random.below(value.length)
    // Many of a large one, and many of these, would be the memory of this machine.
    const isSmall = depth < 3 && JSON.stringify(value).length < 2000
    if (isSmall && random.below(8) === 0) return Array.from({ length: 1 + random.below(1200) }, () => value[at] as Json)
    return value.map((item, index) => (index === at ? changeJson(item, random, depth + 1) : item))
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && random.below(6 + depth) > 0) {
    const entries = Object.entries(value)
    if (entries.length === 0 || random.below(8) === 0) return withOwn(value, random.pick(words), oddValue(random))
    const [name, inner] = random.pick(entries)
    if (random.below(8) === 0) return Object.fromEntries(entries.filter(([other]) => other !== name))
    return withOwn(value, name, changeJson(inner, random, depth + 1))
  }
  if (typeof value === 'string' && random.below(3) > 0) return mutateText(value, random)
  return oddValue(random)
}

/** As JSON.parse does it: `__proto__` is a member like any other. */
function withOwn(object: object, name: string, value: Json): object {
  return Object.defineProperty({ ...object }, name, { value, enumerable: true, configurable: true, writable: true })
}

function oddValue(random: Random): Json {
  const depth = 1 + random.below(600)
  return random.pick<() => Json>([
    () => null,
    () => true,
    () => -1,
    () => 1e308,
    () => 0.5,
    () => 2 ** 53,
    () => [],
    () => ({}),
    () => random.pick(words),
    () => random.pick(words).repeat(1 + random.below(50)),
    () => Array.from({ length: depth }).reduce<Json>((inner) => [inner], null),
    () => Array.from({ length: depth }).reduce<Json>((inner) => ({ inner }), null),
    () => JSON.parse('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}') as Json,
  ])()
}

import { WaxsealError } from '../error/waxseal-error.ts'
import { limits } from '../limit/limits.ts'
import { inWords } from '../schema/in-words.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { canonicalJson } from './canonical-json.ts'

/** What whoever gives orders has signed once: this host may renew this target with certificates of these names (docs/design/orders.md). */
export interface StandingOrder {
  readonly order: 1
  /** The name by which the host knows itself. */
  readonly host: string
  readonly target: {
    /** What jobs call it. */
    readonly id: string
    readonly name: string
    readonly type: string
    readonly config: Readonly<Record<string, unknown>>
  }
  /** That a certificate may carry, `*.` wildcards. */
  readonly names: readonly string[]
  /** SHA-256 of public keys (SPKI), hex: one of them belongs to a certificate above the leaf. Or any issuer. */
  readonly issuer: { readonly spki_sha256: readonly string[] } | { readonly any: true }
  /** A host takes none below the highest that it has taken for the target. */
  readonly sequence: number
  /** RFC 3339, UTC, to the second. */
  readonly not_before: string
  readonly not_after: string
}

/** The longest document, in bytes. */
export const longestOrder = limits.standingOrder.most

const closed = (properties: Readonly<Record<string, object>>): object => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties),
  properties,
})
/** As people see it: no control characters, nothing that is not seen, and no space around it. */
const shown = '^(?=\\S)[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]+(?<=\\S)$'
const name = { type: 'string', pattern: '^[\\x21-\\x7e]{1,253}$' } as const
const time = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' } as const
const digests = {
  type: 'array',
  minItems: 1,
  maxItems: 20,
  uniqueItems: true,
  items: { type: 'string', pattern: '^[0-9a-f]{64}$' },
} as const

/** JSON schema of an order. */
export const standingOrderSchema = closed({
  order: { const: 1 },
  host: name,
  target: closed({
    id: { type: 'string', maxLength: 256, pattern: shown },
    name: { type: 'string', maxLength: 128, pattern: shown },
    type: { type: 'string', maxLength: 256, pattern: shown },
    config: { type: 'object' },
  }),
  names: { type: 'array', minItems: 1, maxItems: 100, uniqueItems: true, items: name },
  issuer: {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
    properties: { spki_sha256: digests, any: { const: true } },
  },
  sequence: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  not_before: time,
  not_after: time,
})

const isOrder = schemaCheck<StandingOrder>(standingOrderSchema)

/** The order that these bytes are. ORDER_INVALID: they are none, or another spelling of one. */
export function readOrder(bytes: Uint8Array): StandingOrder {
  if (bytes.length > longestOrder) throw invalid(`it is larger than ${longestOrder} bytes`)
  const { text, value } = parsed(bytes)
  const order = asOrder(value)
  if (spellingOf(value) !== text) throw invalid('it is not the one spelling of its contents (RFC 8785)')
  return order
}

/** What a person wrote, whatever its spelling, as an order. ORDER_INVALID: it has not its form. */
export function asOrder(value: unknown): StandingOrder {
  const version = typeof value === 'object' && value !== null && 'order' in value ? value.order : null
  if (typeof version === 'number' && version !== 1) throw invalid(`it is of version ${version}, and 1 is known here`)
  if (!isOrder(value)) {
    const [error] = isOrder.errors ?? []
    throw invalid(error === undefined ? 'it is no order' : `${error.instancePath || 'it'} ${inWords(error)}`)
  }
  const [from, to] = [value.not_before, value.not_after].map(timeOf)
  if (from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to))
    throw invalid('one of its times is no time')
  if (from >= to) throw invalid('it ends before it begins')
  return value
}

/** The bytes of an order. ORDER_INVALID: it has too many. */
export function orderBytes(order: StandingOrder): Uint8Array {
  const bytes = Buffer.from(spellingOf(order), 'utf8')
  if (bytes.length > longestOrder) throw invalid(`it is larger than ${longestOrder} bytes`)
  return bytes
}

/** Milliseconds since 1970; NaN: the day or the time of day is none. */
function timeOf(text: string): number {
  const at = Date.parse(text)
  return Number.isNaN(at) || new Date(at).toISOString() !== text.replace('Z', '.000Z') ? Number.NaN : at
}

/** Bytes that are no UTF-8, a mark at the beginning among them, and numbers that no program can tell apart do not come back as they came. */
function parsed(bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { text, value: JSON.parse(text) }
  } catch {
    throw invalid('it is not JSON in UTF-8')
  }
}

function spellingOf(value: unknown): string {
  try {
    return canonicalJson(value)
  } catch (error) {
    throw invalid((error as Error).message)
  }
}

function invalid(reason: string): WaxsealError {
  return new WaxsealError('ORDER_INVALID', { reason })
}

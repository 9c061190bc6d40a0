import { WaxsealError } from '../error/waxseal-error.ts'
import { asName } from './name.ts'

/** One record to publish or to remove. */
export interface RecordChange {
  readonly change: 'add' | 'remove'
  readonly name: string
  readonly type: 'TXT' | 'TLSA'
  /** As `TXT` the text; as `TLSA` four fields: `3 1 1 DIGEST`. */
  readonly value: string
  /** In seconds. */
  readonly ttl: number
}

const longestTtl = 86_400

/** Nothing that has a meaning to a program, in a file of a zone or in a shell that somebody's hook starts. */
const plainValues = {
  TXT: /^[A-Za-z0-9_-]{1,255}$/,
  TLSA: /^[0-3] [01] [0-2] [0-9a-f]{2,4096}$/,
} as const

/** The change with its name in our form. DNS_UPDATE_FAILED: the name or the value has characters that no such record needs. */
export function requirePlain(change: RecordChange): RecordChange {
  const name = asName(change.name)
  const { type, value, ttl } = change
  const isTtl = Number.isInteger(ttl) && ttl >= 0 && ttl <= longestTtl
  if (name === null || !isTtl || !plainValues[type].test(value))
    throw new WaxsealError('DNS_UPDATE_FAILED', { type, reason: 'this is no record that Waxseal publishes' })
  return { ...change, name }
}

import type { RolloverNameRow, TlsaRow } from '../store/rollover-rows.ts'
import { fitting, type KeyUse } from './fits.ts'
import type { TlsaLook, TlsaRecord } from './tlsa.ts'

/** No resolver in use keeps an answer for longer (RFC 8767 §4 recommends it as the most). */
const longestMs = 7 * 86_400_000
/** Nobody says for how long an alias is kept that has gone. */
const afterAliasMs = 86_400_000

/** A look with what was known of its name before. */
export interface Seen {
  readonly look: TlsaLook
  readonly before: Pick<RolloverNameRow, 'endName' | 'ttlMs' | 'cachedUntil'>
  /** When it was over. */
  readonly at: number
  /** It is not believed yet: the row is of this look, or the same record is being removed for another target. */
  readonly isDoubtful: boolean
}

/**
 * What a look makes of the row of a key (docs/design/dane.md, §4): seen at one server without it, its wait begins anew; seen everywhere and
 * believed for the first time, it begins. A look that found nothing out changes nothing.
 */
export function observe(row: TlsaRow, use: KeyUse, seen: Seen): TlsaRow {
  const { look, before, at, isDoubtful } = seen
  const fit = (records: readonly TlsaRecord[]) => fitting(use, row.name, records)
  const lacking = look.answers.filter(({ records }) => fit(records) === null)
  const hasMoved = isMoved(seen)
  const lackingMs = bounded(row.lackingMs, ...lacking.map(({ ttlMs }) => ttlMs), hasMoved ? afterAliasMs : 0)
  if (lacking.length > 0 || hasMoved) return settled({ ...row, lackingMs, seenAt: null, isByOther: false }, at)
  const isByOther =
    look.answers.length === 0 ? row.isByOther : look.answers.every(({ records }) => fit(records) === 'other')
  const isBelieved = look.problem === null && !isDoubtful && fit(look.believed ?? []) !== null
  if (row.seenAt !== null || !isBelieved) return settled({ ...row, isByOther }, at)
  // Nobody knows what was there before it, or when it came.
  const unknownMs = before.cachedUntil === 0 ? look.negativeMs : 0
  const presentMs = lackingMs > 0 ? [] : look.answers.map(({ ttlMs }) => ttlMs)
  const waitMs = Math.max(bounded(lackingMs, unknownMs, before.ttlMs, ...presentMs), before.cachedUntil - at)
  return settled({ ...row, isByOther, lackingMs: 0, seenAt: at, waitMs: waitMs + look.settleMs }, at)
}

/**
 * The longest TTL that a server may have given out since a look, and until when a cache may keep what was given out up to this one: what
 * was there at the look before may have been there until a moment ago, a server that gives no answer may have it still, and an alias that
 * has gone may lead to what is where it ended.
 */
export function cachedBy({
  look,
  before,
  at,
}: Omit<Seen, 'isDoubtful'>): Pick<RolloverNameRow, 'ttlMs' | 'cachedUntil'> {
  const seenMs = bounded(...look.answers.map(({ ttlMs }) => ttlMs))
  const ttlMs = look.problem === null ? seenMs : Math.max(before.ttlMs, seenMs)
  const keptMs = Math.max(before.ttlMs, seenMs, isMoved({ look, before }) ? afterAliasMs : 0)
  return { ttlMs, cachedUntil: keptMs === 0 ? before.cachedUntil : Math.max(before.cachedUntil, at + keptMs) }
}

/** When the wait of a record is over, milliseconds since 1970; null: it is not seen everywhere. */
export function usableAt({ seenAt, waitMs }: Pick<TlsaRow, 'seenAt' | 'waitMs'>): number | null {
  return seenAt === null ? null : seenAt + waitMs
}

/** Whether a key may be served by what is known of its record. */
export function isUsable(row: Pick<TlsaRow, 'state' | 'seenAt' | 'waitMs'>, at: number): boolean {
  const from = usableAt(row)
  return row.state === 'published' && from !== null && from <= at
}

/** The aliases of the name end elsewhere than they did. */
function isMoved({ look, before }: Pick<Seen, 'look' | 'before'>): boolean {
  return before.endName !== null && look.endName !== null && before.endName !== look.endName
}

function bounded(...times: readonly number[]): number {
  return Math.min(longestMs, Math.max(0, ...times))
}

/** One that is to go stays so, whatever is seen. */
function settled(row: TlsaRow, at: number): TlsaRow {
  if (row.state === 'leaving' || row.state === 'removing') return row
  const state = row.seenAt !== null ? 'published' : row.state === 'published' ? 'wanted' : row.state
  return state === row.state ? row : { ...row, state, changedAt: at }
}

import type { RolloverNameRow, TlsaRow } from '../store/rollover-rows.ts'
import { fitting, hasIssuerRecord } from './fits.ts'
import type { NeededKey } from './keys-in-use.ts'
import { observe, type Seen } from './observe.ts'
import { recordsBeside } from './records-beside.ts'
import { recordOf, type TlsaLook, type TlsaRecord, tlsaText } from './tlsa.ts'

/** A record that nobody needs is kept for so long: who began to need it at that moment finds it. */
export const leavingMs = 60_000
/** A command that removes a record is over by then (30 s until it begins, 60 s until it is ended), and one that failed is tried again. */
const removingMs = 120_000
/** One that was published and is not there is published again. */
const againMs = 60_000

/** One name of a target, and what was found out about it. */
export interface NameTurn {
  readonly targetId: string
  readonly name: RolloverNameRow
  readonly look: TlsaLook
  readonly at: number
  readonly needed: readonly NeededKey[]
  /** A deployment was proven: all keys that may be served are among the needed ones. */
  readonly isServedKnown: boolean
  readonly rows: readonly TlsaRow[]
  /** What the host has is known: records of keys that nobody needs may go. */
  readonly mayRemove: boolean
  /** Keys whose record is being removed where this name ends, for another target or name. */
  readonly removedElsewhere: ReadonlySet<string>
  /** Keys whose record is needed where this name ends, for another target or name. */
  readonly neededElsewhere: ReadonlySet<string>
  /** Keys whose record another name needs that nobody could follow yet: it may end in the same place. */
  readonly maybeElsewhere: ReadonlySet<string>
  /** Where the name has no record: keys that other targets may serve there. */
  readonly servedBeside: readonly string[]
  /** Where the name has no record: names of other targets that may serve there nobody knows what. */
  readonly unknownBeside: readonly string[]
}

/** What becomes of the rows of a name; `gone`: rows that go. */
export interface NextRows {
  readonly rows: readonly TlsaRow[]
  readonly gone: readonly TlsaRow[]
  readonly publish: readonly TlsaRow[]
  /**
   * What is published with them: what is there, for the first record of a name itself hides those of a wildcard (RFC 4592 §3.3.1); where
   * nothing is, what other targets may serve.
   */
  readonly beside: readonly TlsaRecord[]
  readonly remove: readonly TlsaRow[]
}

/** One look's worth of docs/design/dane.md, §3. */
export function nextRows(turn: NameTurn): NextRows {
  const { needed, rows, at } = turn
  const wanted = needed.filter((key) => !isLeftToIssuer(turn, key))
  const pairs = wanted.map((key) => ({ key, row: neededRow(turn, key) }))
  const kept = pairs.map(({ row }) => row)
  const others = rows
    .filter(({ spki }) => !wanted.some((key) => key.spki === spki))
    .map((row) => unneededRow(turn, row))
  const isDue = (row: TlsaRow, ms: number): boolean => isDueAt(row, at, ms)
  const missing = pairs.filter(({ key, row }) => isMissing(turn, key, row))
  // A set that has others' keys alone is worse than none: those that may be served come first, and together.
  const first = missing.filter(({ key }) => key.why === 'served')
  const chosen = isHeld(turn) ? [] : first.length > 0 ? first : missing
  const publish = chosen.map(({ row }) => row).filter((row) => isDue(row, againMs))
  const remove = others.filter(
    (row) =>
      row.state === 'removing' &&
      !isGone(turn, row) &&
      isDue(row, removingMs) &&
      turn.look.endName !== null &&
      (row.actedAt === null || isSomewhere(turn, row)),
  )
  const acted = new Set([...publish, ...remove])
  const isByHand = turn.look.isByHand
  const noted = (row: TlsaRow): TlsaRow => {
    if (!acted.has(row) || isByHand) return row
    const isFirst = row.state === 'removing' && row.actedAt === null
    return isFirst ? { ...row, changedAt: at, actedAt: at } : { ...row, actedAt: at }
  }
  return {
    rows: [...kept, ...others.filter((row) => !isGone(turn, row))].map(noted),
    gone: others.filter((row) => isGone(turn, row)),
    publish: isByHand ? [] : publish.map(noted),
    beside: isByHand || publish.length === 0 ? [] : [...recordsBeside(turn), ...turn.servedBeside.map(recordOf)],
    remove: isByHand ? [] : remove.map(noted),
  }
}

/** There is no record, and nobody knows all that is served: with the first record senders would refuse all other keys. */
export function isHeld({ look, isServedKnown, unknownBeside }: NameTurn): boolean {
  return hasNoRecord(look) && (!isServedKnown || unknownBeside.length > 0)
}

/** No server that answers has one. */
export function hasNoRecord({ answers }: Pick<TlsaLook, 'answers'>): boolean {
  return answers.every(({ records }) => records.length === 0)
}

function neededRow(turn: NameTurn, key: NeededKey): TlsaRow {
  const { targetId, name, at, look } = turn
  const there = turn.rows.find(({ spki }) => spki === key.spki)
  const fresh: TlsaRow = {
    targetId,
    name: name.name,
    spki: key.spki,
    state: 'wanted',
    isByOther: false,
    lackingMs: 0,
    seenAt: null,
    waitMs: 0,
    changedAt: at,
    actedAt: null,
  }
  const isDoubtful = there === undefined || turn.removedElsewhere.has(key.spki)
  const seen: Seen = { look, before: name, at, isDoubtful }
  return observe(there === undefined ? fresh : wantedAgain(there, at, isDoubtful), key, seen)
}

/** What was leaving was not taken away, but maybe for another target; what is being removed may be, until its command is over. */
function wantedAgain(row: TlsaRow, at: number, isRemovedElsewhere: boolean): TlsaRow {
  if (row.state === 'leaving' && isRemovedElsewhere) return { ...row, state: 'wanted', seenAt: null, changedAt: at }
  if (row.state === 'leaving') return { ...row, state: row.seenAt === null ? 'wanted' : 'published', changedAt: at }
  if (row.state !== 'removing' || at - (row.actedAt ?? 0) < removingMs) return row
  return { ...row, state: 'wanted', seenAt: null, changedAt: at, actedAt: null }
}

function unneededRow(turn: NameTurn, row: TlsaRow): TlsaRow {
  const { look, name, at } = turn
  const seen = observe(row, { spki: row.spki, pems: [] }, { look, before: name, at, isDoubtful: true })
  if (!turn.mayRemove || seen.state === 'removing') return seen
  if (seen.state !== 'leaving') return { ...seen, state: 'leaving', changedAt: at }
  const isKept = at - seen.changedAt < leavingMs || turn.maybeElsewhere.has(row.spki)
  return isKept ? seen : { ...seen, state: 'removing', changedAt: at, actedAt: null }
}

/**
 * It is another target's, and no command of this one is under way; or it is on no server, by a look at all of them, some time after it
 * was removed: one that was published a moment ago may not be visible yet.
 */
function isGone(turn: NameTurn, row: TlsaRow): boolean {
  const { look, at, neededElsewhere } = turn
  if (row.state !== 'removing') return false
  if (neededElsewhere.has(row.spki) && isDueAt(row, at, removingMs)) return true
  if (look.answers.length === 0 || look.problem !== null || isSomewhere(turn, row)) return false
  return look.isByHand || (row.actedAt !== null && isDueAt(row, at, removingMs))
}

function isDueAt({ actedAt }: TlsaRow, at: number, ms: number): boolean {
  return actedAt === null || at - actedAt >= ms
}

function isSomewhere({ look }: NameTurn, row: TlsaRow): boolean {
  return look.answers.some(({ records }) => records.some((record) => tlsaText(record) === ownOf(row)))
}

/** One of the servers has neither it nor another that fits. */
function isMissing({ look, name }: NameTurn, key: NeededKey, { state }: TlsaRow): boolean {
  if ((state !== 'wanted' && state !== 'publishing') || look.endName === null) return false
  return look.answers.some(({ records }) => fitting(key, name.name, records) === null)
}

/** Who publishes the issuer's key publishes no key of a host ahead. */
function isLeftToIssuer({ look, name }: NameTurn, { why, current }: NeededKey): boolean {
  if (why !== 'next' || current === null || look.answers.length === 0) return false
  return look.answers.every(({ records }) => hasIssuerRecord(current, name.name, records))
}

function ownOf({ spki }: TlsaRow): string {
  return tlsaText(recordOf(spki))
}

import type { RolloverNameRow, TlsaRow, TlsaState } from '../store/rollover-rows.ts'
import { fitting } from './fits.ts'
import type { NeededKey } from './keys-in-use.ts'
import { isUsableBySenders, recordOf, type TlsaLook, type TlsaRecord, tlsaText } from './tlsa.ts'

/** What is looked at. */
interface Beside {
  readonly name: Pick<RolloverNameRow, 'name'>
  readonly look: Pick<TlsaLook, 'answers'>
  readonly needed: readonly NeededKey[]
  readonly rows: readonly TlsaRow[]
  readonly removedElsewhere: ReadonlySet<string>
  readonly neededElsewhere: ReadonlySet<string>
  readonly maybeElsewhere: ReadonlySet<string>
}

/**
 * What senders find at a name, to be published again with a new record: that changes nothing where it is the name's own, and where it is a
 * wildcard's it would be hidden from then on. Those of keys come first, for a hook is called for one at a time. A record of somebody's has
 * to be at all servers: it may have been removed, and a server be behind. What is being removed here is left out.
 */
export function recordsBeside(turn: Beside): readonly TlsaRecord[] {
  const { look, rows, removedElsewhere } = turn
  const seen = [...new Map(look.answers.flatMap(({ records }) => records.map((one) => [tlsaText(one), one]))).values()]
  const kept = seen.filter((record) => isKept(turn, record))
  const removed = new Set([...keysOf(rows, 'removing'), ...removedElsewhere])
  const isRemoved = (record: TlsaRecord): boolean => isOfKey(record, removed)
  const isEverywhere = (record: TlsaRecord): boolean => look.answers.every(({ records }) => has(records, record))
  const others = seen.filter((record) => !kept.includes(record) && !isRemoved(record) && isEverywhere(record))
  return [...kept, ...others].filter(isUsableBySenders)
}

/** It stands for a key that is needed, here or for others, or may be again. */
function isKept({ name, needed, rows, neededElsewhere, maybeElsewhere }: Beside, record: TlsaRecord): boolean {
  return (
    needed.some((key) => fitting(key, name.name, [record]) !== null) ||
    [neededElsewhere, maybeElsewhere, keysOf(rows, 'leaving')].some((keys) => isOfKey(record, keys))
  )
}

function keysOf(rows: readonly TlsaRow[], state: TlsaState): ReadonlySet<string> {
  return new Set(rows.filter((row) => row.state === state).map(({ spki }) => spki))
}

function isOfKey(record: TlsaRecord, keys: ReadonlySet<string>): boolean {
  return tlsaText(record) === tlsaText(recordOf(record.data)) && keys.has(record.data)
}

function has(records: readonly TlsaRecord[], record: TlsaRecord): boolean {
  return records.some((one) => tlsaText(one) === tlsaText(record))
}

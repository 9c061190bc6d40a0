import type { RolloverNameRow, TlsaElsewhere, TlsaRow } from '../store/rollover-rows.ts'
import { isHeldBack } from './problems.ts'
import { recordOf, tlsaText } from './tlsa.ts'

/** What a person has to do at a name: lines as zone files have them. */
export interface ByHand {
  /** With what is there already, behind it: a wildcard's records would be hidden by the first one of the name itself. */
  readonly publish: readonly string[]
  readonly remove: readonly string[]
}

/** What is to be known of the name. */
export type NameByHand = Pick<RolloverNameRow, 'name' | 'endName' | 'isByHand' | 'problem' | 'seen'>

type Row = Pick<TlsaRow, 'spki' | 'state' | 'isByOther'>

/**
 * Nothing where the server publishes, and nothing to publish where a first record would have a key refused that is served. `elsewhere`: what
 * others have in the same place; with what is missing here theirs is to be published, for a first record wrongs them as well.
 */
export function byHand(
  { name, endName, isByHand, problem, seen }: NameByHand,
  rows: readonly Row[],
  elsewhere: readonly TlsaElsewhere[],
): ByHand {
  if (!isByHand) return { publish: [], remove: [] }
  const lines = (values: Iterable<string>): readonly string[] =>
    [...values].map((value) => `${endName ?? name}. IN TLSA ${value}`)
  const all = [...rows, ...elsewhere.filter(({ isThere }) => isThere)]
  // One that a server has was published: the others are behind, or the resolver is.
  const missingOf = (these: readonly Row[]): readonly string[] =>
    valuesOf(these.filter(({ state, isByOther }) => state === 'wanted' && !isByOther)).filter(
      (value) => !seen.includes(value),
    )
  const removing = valuesOf(rows.filter(isRemoving))
  if (missingOf(rows).length === 0 || isHeldBack(problem)) return { publish: [], remove: lines(removing) }
  const staying = valuesOf(all.filter((row) => !isRemoving(row)))
  const going = valuesOf(all.filter(isRemoving)).filter((value) => !staying.includes(value))
  const beside = seen.filter((value) => !going.includes(value))
  return { publish: lines(new Set([...missingOf(rows), ...missingOf(all), ...beside])), remove: lines(removing) }
}

function valuesOf(rows: readonly Row[]): readonly string[] {
  return rows.map(({ spki }) => tlsaText(recordOf(spki)))
}

function isRemoving({ state }: Row): boolean {
  return state === 'removing'
}

import type { RolloverNameRow, TlsaRow } from '../store/rollover-rows.ts'
import { bareProblem } from './problems.ts'
import { recordOf, tlsaText } from './tlsa.ts'

/** What a person has to do at a name: lines as zone files have them. */
export interface ByHand {
  /** With what is there already, behind it: a wildcard's records would be hidden by the first one of the name itself. */
  readonly publish: readonly string[]
  readonly remove: readonly string[]
}

/** Nothing where the server publishes, and nothing to publish where a first record would have the key refused that is served. */
export function byHand(
  {
    name,
    endName,
    isByHand,
    problem,
    seen,
  }: Pick<RolloverNameRow, 'name' | 'endName' | 'isByHand' | 'problem' | 'seen'>,
  rows: readonly Pick<TlsaRow, 'spki' | 'state' | 'isByOther'>[],
): ByHand {
  if (!isByHand) return { publish: [], remove: [] }
  const valueOf = ({ spki }: Pick<TlsaRow, 'spki'>): string => tlsaText(recordOf(spki))
  const lines = (values: readonly string[]): readonly string[] =>
    values.map((value) => `${endName ?? name}. IN TLSA ${value}`)
  // One that a server has was published: the others are behind, or the resolver is.
  const wanted = rows.filter((row) => row.state === 'wanted' && !row.isByOther).map(valueOf)
  const missing = wanted.filter((value) => !seen.includes(value))
  const removing = rows.filter(({ state }) => state === 'removing').map(valueOf)
  const beside = seen.filter((value) => !removing.includes(value))
  const isNothing = missing.length === 0 || problem === bareProblem
  return { publish: isNothing ? [] : lines([...missing, ...beside]), remove: lines(removing) }
}

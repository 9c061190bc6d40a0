import type { RolloverNameRow, TlsaRow } from '../store/rollover-rows.ts'
import { bareProblem } from './problems.ts'
import { recordOf, tlsaText } from './tlsa.ts'

/** What a person has to do at a name: lines as zone files have them. */
export interface ByHand {
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
  const lines = (these: typeof rows): readonly string[] =>
    these.map((row) => `${endName ?? name}. IN TLSA ${valueOf(row)}`)
  // One that a server has was published: the others are behind, or the resolver is.
  const wanted = rows.filter((row) => row.state === 'wanted' && !row.isByOther && !seen.includes(valueOf(row)))
  return {
    publish: problem === bareProblem ? [] : lines(wanted),
    remove: lines(rows.filter(({ state }) => state === 'removing')),
  }
}

import { createHash } from 'node:crypto'

/** A host that a roll-out is for. */
interface Host {
  readonly id: string
  readonly name: string
}

/** How hosts come one after the other. */
export interface WaveRule {
  /** Ids of the hosts of the first wave; none: there is no such wave. */
  readonly first: readonly string[]
  /** Per cent of all hosts that are done at the end of each wave: they grow, and the last is 100. */
  readonly shares: readonly number[]
}

/**
 * Ids of the hosts of each wave, each host in one. Whom a share takes is drawn by `seed`: neighbours in a list of names are often neighbours in
 * a rack. A wave that the ones before leave nothing is left out.
 */
export function wavesOf(
  hosts: readonly Host[],
  { first, shares }: WaveRule,
  seed: string,
): readonly (readonly string[])[] {
  const named = new Set(first)
  const drawn = hosts
    .filter(({ id }) => !named.has(id))
    .map(({ id }) => ({ id, place: createHash('sha256').update(`${seed} ${id}`).digest('hex') }))
    .toSorted((one, other) => (one.place < other.place ? -1 : 1))
    .map(({ id }) => id)
  const all = [...hosts.filter(({ id }) => named.has(id)).map(({ id }) => id), ...drawn]
  const ends = [named.size, ...shares.map((share) => Math.ceil((hosts.length * share) / 100))]
  let begin = 0
  const waves = ends.map((end) => {
    const wave = all.slice(begin, Math.max(begin, end))
    begin = Math.max(begin, end)
    return wave
  })
  return waves.filter((wave) => wave.length > 0)
}

/** Whether shares are such as a `WaveRule` has. */
export function areShares(shares: readonly number[]): boolean {
  return shares.at(-1) === 100 && shares.every((share, at) => share > (shares[at - 1] ?? 0) && share <= 100)
}

import { createHash } from 'node:crypto'

/** From 0 to 1, the same for the same text. */
export function fractionOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32
}

/** The same numbers for the same seed. */
export function randomOf(seed: number | string): () => number {
  let count = 0
  return () => {
    count += 1
    return fractionOf(`${seed} ${count}`)
  }
}

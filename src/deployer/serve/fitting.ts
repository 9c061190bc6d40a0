/** The first items whose JSON has at most this many bytes together, and at most `most` of them; always the first one. */
export function fitting<T>(items: readonly T[], bytes: number, most: number): readonly T[] {
  let left = bytes
  const index = items.findIndex((item, at) => {
    left -= Buffer.byteLength(JSON.stringify(item))
    return at > 0 && (left < 0 || at >= most)
  })
  return index === -1 ? items : items.slice(0, index)
}

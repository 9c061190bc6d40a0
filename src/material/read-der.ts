/** One element of DER (X.690), of a tag below 31 and a definite length. */
export interface DerElement {
  readonly tag: number
  readonly contents: Uint8Array
}

/** The elements that stand one behind the other; null: they are torn, or no DER. */
export function readDer(bytes: Uint8Array): readonly DerElement[] | null {
  const elements: DerElement[] = []
  let rest = bytes
  while (rest.length > 0) {
    const head = headOf(rest)
    if (head === null || rest.length < head.end) return null
    elements.push({ tag: head.tag, contents: rest.subarray(head.start, head.end) })
    rest = rest.subarray(head.end)
  }
  return elements
}

/** The one element of a file, behind which an editor may have left white space; null: it is torn, no DER, or something follows. */
export function readDerFile(bytes: Uint8Array): DerElement | null {
  const head = headOf(bytes)
  if (head === null || bytes.length < head.end) return null
  // By the length, for the last octets of a key may look like white space, too.
  const isBlank = bytes.subarray(head.end).every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d))
  return isBlank ? { tag: head.tag, contents: bytes.subarray(head.start, head.end) } : null
}

/** The elements inside a constructed one of this tag; null: it is another, or torn. */
export function insideOf(element: DerElement | null | undefined, tag: number): readonly DerElement[] | null {
  return element?.tag === tag ? readDer(element.contents) : null
}

/** `1.2.840…`; null: it is no OBJECT IDENTIFIER. */
export function objectIdOf(element: DerElement | undefined): string | null {
  if (element?.tag !== 0x06 || element.contents.length === 0 || element.contents.length > 64) return null
  const arcs: number[] = []
  let arc = 0
  for (const byte of element.contents) {
    arc = arc * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    arcs.push(arc)
    arc = 0
  }
  const [first = 0, ...others] = arcs
  const top = Math.min(Math.floor(first / 40), 2)
  return [top, first - top * 40, ...others].join('.')
}

/** A length of more than four octets is none that anybody has. */
function headOf(bytes: Uint8Array): { readonly tag: number; readonly start: number; readonly end: number } | null {
  const [tag = 0, first = 0x80] = bytes
  if ((tag & 0x1f) === 0x1f) return null
  if (first < 0x80) return { tag, start: 2, end: 2 + first }
  const octets = first & 0x7f
  if (octets === 0 || octets > 4 || bytes.length < 2 + octets) return null
  const length = bytes.subarray(2, 2 + octets).reduce((sum, byte) => sum * 256 + byte, 0)
  return { tag, start: 2 + octets, end: 2 + octets + length }
}

/** Bytes of DER (X.690): written here, never read. */
export type Bytes = Uint8Array<ArrayBuffer>

/** One element: tag, length, contents one behind the other. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Bytes {
  const length = contents.reduce((sum, { length: bytes }) => sum + bytes, 0)
  return join(new Uint8Array([tag, ...lengthOctets(length)]), ...contents)
}

/** SEQUENCE. */
export function sequence(...contents: readonly Uint8Array[]): Bytes {
  return element(0x30, ...contents)
}

/** SET, in the order given. */
export function set(...contents: readonly Uint8Array[]): Bytes {
  return element(0x31, ...contents)
}

/** OCTET STRING. */
export function octets(bytes: Uint8Array): Bytes {
  return element(0x04, bytes)
}

/** `[0]`, explicit. */
export function tagged(...contents: readonly Uint8Array[]): Bytes {
  return element(0xa0, ...contents)
}

/** INTEGER, not negative. */
export function integer(value: number): Bytes {
  const bytes = bigEndian(value)
  return element(0x02, new Uint8Array((bytes[0] ?? 0) < 0x80 ? bytes : [0, ...bytes]))
}

/** OBJECT IDENTIFIER of `1.2.840…`. */
export function objectId(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, new Uint8Array([first * 40 + second, ...rest.flatMap(base128)]))
}

/** BMPString: two bytes a character. */
export function bmpString(text: string): Bytes {
  return element(0x1e, utf16(text))
}

/** UTF-16, big-endian. */
export function utf16(text: string): Bytes {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
  return new Uint8Array(units.flatMap((unit) => [unit >> 8, unit & 0xff]))
}

/** One behind the other. */
export function join(...parts: readonly Uint8Array[]): Bytes {
  return new Uint8Array(parts.flatMap((part) => [...part]))
}

function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const bytes = bigEndian(length)
  return [0x80 | bytes.length, ...bytes]
}

function bigEndian(value: number): readonly number[] {
  const bytes = [value % 256]
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return bytes
}

function base128(arc: number): readonly number[] {
  const digits = [arc % 128]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest % 128) | 0x80)
  return digits
}

import { type DerElement, insideOf, objectIdOf, readDerFile } from './read-der.ts'

/** What a DER file may hold. */
export type DerKind =
  | 'certificate'
  | 'request'
  | 'revocation list'
  | 'private key'
  | 'encrypted key'
  | 'public key'
  | 'pkcs7'
  | 'pkcs12'

/** What the bytes are by their outer structure alone; null: nothing that is known here. */
export function recogniseDer(bytes: Uint8Array): DerKind | null {
  if (bytes[0] !== 0x30) return null
  // BER of indefinite length, as some programs write these two.
  if (bytes[1] === 0x80) return bytes[2] === 0x06 ? 'pkcs7' : bytes[2] === 0x02 && bytes[4] === 3 ? 'pkcs12' : null
  const parts = insideOf(readDerFile(bytes), 0x30)
  if (parts === null) return null
  const [first, second] = parts
  if (objectIdOf(first)?.startsWith('1.2.840.113549.1.7.') === true) return 'pkcs7'
  if (first?.tag === 0x02) return keyKind(first, parts)
  if (second?.tag === 0x04) return 'encrypted key'
  if (second?.tag === 0x03) return 'public key'
  return first === undefined ? null : signedKind(insideOf(first, 0x30) ?? [])
}

/** PKCS#12 begins with a 3; PKCS#8, PKCS#1 and SEC1 with the version 0 or 1. */
function keyKind(version: DerElement, [, second, ...others]: readonly DerElement[]): DerKind | null {
  const number = version.contents.length === 1 ? version.contents[0] : null
  if (number === 3 && second?.tag === 0x30) return 'pkcs12'
  if (second?.tag === 0x02) return others.length === 0 ? 'public key' : 'private key'
  return second?.tag === 0x30 || second?.tag === 0x04 ? 'private key' : null
}

/** By what is signed: RFC 5280 §4.1 and §5.1, RFC 2986 §4. */
function signedKind(parts: readonly DerElement[]): DerKind | null {
  const tags = parts.map(({ tag }) => tag)
  if (tags[0] === 0xa0 || (tags.length >= 6 && tags.slice(1, 6).every((tag) => tag === 0x30))) return 'certificate'
  if (tags[0] === 0x02 && tags[3] === 0xa0) return 'request'
  return tags.length >= 4 ? 'revocation list' : null
}

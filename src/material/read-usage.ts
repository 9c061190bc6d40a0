import { type DerElement, insideOf, objectIdOf, readDer } from './read-der.ts'

/** What a certificate says that it is for (RFC 5280 §4.1, §4.2.1). */
export interface Usage {
  /** 1, 2 or 3. */
  readonly version: number
  /** The digest of the signature on it, where that is a broken one. */
  readonly brokenDigest: 'MD2' | 'MD4' | 'MD5' | 'SHA-1' | null
  /** Bits of keyUsage; null: it has none, so it is for all. */
  readonly keyUsage: number | null
  /** Object identifiers of extendedKeyUsage; null: it has none, so it is for all. */
  readonly purposes: readonly string[] | null
  /** An extension stands in it more than once, which RFC 5280 §4.2 forbids. */
  readonly hasExtensionTwice: boolean
}

/** Bits of keyUsage, the first of the bit string lowest (RFC 5280 §4.2.1.3). */
export const keyUsageBits = { digitalSignature: 1, keyEncipherment: 4, keyAgreement: 16, keyCertSign: 32 } as const

/** Null: it is no strict DER. */
export function readUsage(der: Uint8Array): Usage | null {
  const [body, algorithm] = insideOf(readDer(der)?.[0], 0x30) ?? []
  const fields = insideOf(body, 0x30)
  const signature = insideOf(algorithm, 0x30)
  if (fields === null || signature === null) return null
  const version = insideOf(fields[0], 0xa0)?.[0]?.contents[0] ?? 0
  const extensions = readExtensions(fields.find(({ tag }) => tag === 0xa3))
  if (extensions === null) return null
  const ids = extensions.map(({ id }) => id)
  return {
    version: version + 1,
    brokenDigest: brokenDigestOf(signature),
    keyUsage: readBits(extensions.find(({ id }) => id === '2.5.29.15')?.value),
    purposes: readPurposes(extensions.find(({ id }) => id === '2.5.29.37')?.value),
    hasExtensionTwice: new Set(ids).size < ids.length,
  }
}

interface Extension {
  readonly id: string
  readonly value: Uint8Array
}

function readExtensions(element: DerElement | undefined): readonly Extension[] | null {
  if (element === undefined) return []
  const extensions = insideOf(insideOf(element, 0xa3)?.[0], 0x30)
  if (extensions === null) return null
  return extensions.map((extension) => {
    const parts = insideOf(extension, 0x30) ?? []
    return { id: objectIdOf(parts[0]) ?? '', value: parts.at(-1)?.contents ?? new Uint8Array() }
  })
}

/** A bit string that cannot be read grants nothing. */
function readBits(value: Uint8Array | undefined): number | null {
  if (value === undefined) return null
  const [bits] = readDer(value) ?? []
  if (bits?.tag !== 0x03) return 0
  const first = bits.contents[1] ?? 0
  return [...Array(8).keys()].reduce((sum, bit) => sum + ((first >> (7 - bit)) & 1) * 2 ** bit, 0)
}

function readPurposes(value: Uint8Array | undefined): readonly string[] | null {
  if (value === undefined) return null
  return (insideOf(readDer(value)?.[0], 0x30) ?? []).map((purpose) => objectIdOf(purpose) ?? '')
}

/** RFC 3279 §2.2, and the older identifiers of the OIW. */
const broken: Readonly<Record<string, Usage['brokenDigest']>> = {
  '1.2.840.113549.1.1.2': 'MD2',
  '1.2.840.113549.1.1.3': 'MD4',
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.5': 'SHA-1',
  '1.3.14.3.2.3': 'MD5',
  '1.3.14.3.2.27': 'SHA-1',
  '1.3.14.3.2.29': 'SHA-1',
  '1.2.840.10040.4.3': 'SHA-1',
  '1.2.840.10045.4.1': 'SHA-1',
}

const digests: Readonly<Record<string, Usage['brokenDigest']>> = {
  '1.3.14.3.2.26': 'SHA-1',
  '1.2.840.113549.2.5': 'MD5',
}

/** RSASSA-PSS names its digest in parameters; left out it is SHA-1 (RFC 4055 §3.1). */
function brokenDigestOf([algorithm, parameters]: readonly DerElement[]): Usage['brokenDigest'] {
  const id = objectIdOf(algorithm) ?? ''
  if (id !== '1.2.840.113549.1.1.10') return broken[id] ?? null
  const hash = insideOf(parameters, 0x30)?.find(({ tag }) => tag === 0xa0)
  if (hash === undefined) return 'SHA-1'
  return digests[objectIdOf(insideOf(insideOf(hash, 0xa0)?.[0], 0x30)?.[0]) ?? ''] ?? null
}

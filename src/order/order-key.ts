import { createHash, createPublicKey, type KeyObject } from 'node:crypto'

/** A public key that orders are signed with. */
export interface OrderKey {
  /** SHA-256 of it (SPKI), hex. */
  readonly id: string
  /** SPKI, DER, base64. */
  readonly spki: string
}

/** Of an Ed25519 key before its 32 bytes (RFC 8410 §4). */
const prefix = '302a300506032b6570032100'

/** The public key in a PEM or a base64 text; null: it is none of the kind Ed25519, or a private one. */
export function readOrderKey(text: string): OrderKey | null {
  try {
    const pem = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(text)
    const base64 = (pem?.[1] ?? text).replaceAll(/\s+/g, '')
    const der = Buffer.from(base64, 'base64')
    if (der.toString('base64') !== base64 || der.length !== 44 || !der.toString('hex').startsWith(prefix)) return null
    return orderKeyOf(createPublicKey({ key: der, format: 'der', type: 'spki' }))
  } catch {
    return null
  }
}

/** The public half of a key. */
export function orderKeyOf(key: KeyObject): OrderKey {
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' })
  return { id: createHash('sha256').update(spki).digest('hex'), spki: spki.toString('base64') }
}

/** As it verifies. */
export function keyOf({ spki }: OrderKey): KeyObject {
  return createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
}

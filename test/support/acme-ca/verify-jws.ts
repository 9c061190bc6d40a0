import { createHash, createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto'

/** The public half of a key, as it came. */
export interface Jwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** A request whose signature was verified. */
export interface Verified {
  readonly url: string
  readonly nonce: string
  /** Who has signed it. */
  readonly jwk: Jwk
  /** The URL of the account; null: it came with its key. */
  readonly kid: string | null
  /** null: POST-as-GET. */
  readonly payload: Record<string, unknown> | null
}

/** Verifies a JWS; null: it is none, or not by this key. `keyOf`: the key of the account at this URL. */
export function verifyJws(body: unknown, keyOf: (kid: string) => Jwk | null): Verified | null {
  const jws = body as { readonly protected: string; readonly payload: string; readonly signature: string }
  const header = decode(jws.protected) as {
    readonly alg: string
    readonly nonce: string
    readonly url: string
    readonly kid?: string
    readonly jwk?: Jwk
  }
  const jwk = header.jwk ?? (header.kid === undefined ? null : keyOf(header.kid))
  if (header.alg !== 'ES256' || jwk === null || (header.jwk === undefined) === (header.kid === undefined)) return null
  const isGood = verify(
    'sha256',
    Buffer.from(`${jws.protected}.${jws.payload}`),
    { key: createPublicKey({ key: { ...jwk }, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
    Buffer.from(jws.signature, 'base64url'),
  )
  if (!isGood) return null
  const payload = jws.payload === '' ? null : (decode(jws.payload) as Record<string, unknown>)
  return { url: header.url, nonce: header.nonce, jwk, kid: header.kid ?? null, payload }
}

/** Whether this binds the key to the account that was given before. */
export function isBound(body: unknown, jwk: Jwk, url: string, accounts: Readonly<Record<string, string>>): boolean {
  const jws = body as { readonly protected: string; readonly payload: string; readonly signature: string }
  const header = decode(jws.protected) as { readonly alg: string; readonly kid: string; readonly url: string }
  const hmacKey = accounts[header.kid]
  if (hmacKey === undefined || header.alg !== 'HS256' || header.url !== url) return false
  const mac = createHmac('sha256', Buffer.from(hmacKey, 'base64url')).update(`${jws.protected}.${jws.payload}`).digest()
  const given = Buffer.from(jws.signature, 'base64url')
  const isSigned = mac.length === given.length && timingSafeEqual(mac, given)
  return isSigned && thumbprint(decode(jws.payload) as Jwk) === thumbprint(jwk)
}

/** RFC 7638. */
export function thumbprint({ crv, kty, x, y }: Jwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

function decode(text: string): unknown {
  return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
}

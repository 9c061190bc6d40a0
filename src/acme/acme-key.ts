import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { WaxsealError } from '../error/waxseal-error.ts'

/** The public half of an account key (RFC 7517), of P-256. */
export interface AcmeJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** An account key, which may be with somebody else: a port for signing. */
export interface AcmeKey {
  readonly jwk: AcmeJwk
  /** The signature (ES256: r and s, 64 bytes) of the signing input of a JWS, `PROTECTED.PAYLOAD`. */
  sign(bytes: Buffer): Promise<Buffer>
}

/** The account key in a PEM. CONFIG_INVALID: it is no P-256 key. */
export function acmeKeyOf(keyPem: string): AcmeKey {
  const key = keyIn(keyPem)
  const jwk = key === null ? null : jwkOf(createPublicKey(key))
  if (key === null || jwk === null) {
    throw new WaxsealError('CONFIG_INVALID', {
      reason: 'an ACME account key has to be an EC key of the curve P-256, in PEM',
    })
  }
  return { jwk, sign: async (bytes) => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }) }
}

/** The public half as ACME sends it; null: the key is of another kind. */
function jwkOf(key: KeyObject): AcmeJwk | null {
  if (key.asymmetricKeyType !== 'ec') return null
  const { crv, x, y } = key.export({ format: 'jwk' })
  return crv === 'P-256' && typeof x === 'string' && typeof y === 'string' ? { kty: 'EC', crv, x, y } : null
}

/** The thumbprint of the key (RFC 7638): base64url. */
export function thumbprintOf({ crv, kty, x, y }: AcmeJwk): string {
  // In the order of the alphabet, as the RFC has it.
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
}

/** What answers a challenge with this token (RFC 8555 §8.1). */
export function keyAuthorizationOf(jwk: AcmeJwk, token: string): string {
  return `${token}.${thumbprintOf(jwk)}`
}

/** The TXT record's value that answers a dns-01 challenge (RFC 8555 §8.4). */
export function dnsValueOf(jwk: AcmeJwk, token: string): string {
  return createHash('sha256').update(keyAuthorizationOf(jwk, token)).digest('base64url')
}

function keyIn(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem)
  } catch {
    return null
  }
}

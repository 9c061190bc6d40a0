import { createHmac } from 'node:crypto'
import type { AcmeJwk, AcmeKey } from './acme-key.ts'

/** A signed request as ACME takes it: a JWS in the flattened form (RFC 7515 §7.2.2). */
export interface Jws {
  readonly protected: string
  readonly payload: string
  readonly signature: string
}

/** An account that a CA gave to its customer before (RFC 8555 §7.3.4). */
export interface ExternalAccount {
  readonly kid: string
  /** Base64url, as the CA hands it out. */
  readonly hmacKey: string
}

/** Who signs: by the URL of the account, or by the key itself, before there is an account. */
export type Signer = { readonly kid: string } | { readonly jwk: AcmeJwk }

/** `payload`: null is a request that only reads (POST-as-GET, RFC 8555 §6.3). */
export async function signJws(
  key: AcmeKey,
  signer: Signer,
  request: { readonly url: string; readonly nonce: string; readonly payload: object | null },
): Promise<Jws> {
  const { url, nonce } = request
  const header = encode(JSON.stringify({ alg: 'ES256', ...signer, nonce, url }))
  const payload = request.payload === null ? '' : encode(JSON.stringify(request.payload))
  const signature = await key.sign(Buffer.from(`${header}.${payload}`))
  return { protected: header, payload, signature: signature.toString('base64url') }
}

/** What binds a new account to the one that the CA gave before. */
export function bindExternal({ kid, hmacKey }: ExternalAccount, jwk: AcmeJwk, url: string): Jws {
  const header = encode(JSON.stringify({ alg: 'HS256', kid, url }))
  const payload = encode(JSON.stringify(jwk))
  const mac = createHmac('sha256', Buffer.from(hmacKey, 'base64url')).update(`${header}.${payload}`)
  return { protected: header, payload, signature: mac.digest('base64url') }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

import { WaxsealError } from '../error/waxseal-error.ts'
import type { AcmeKey } from './acme-key.ts'
import { type Signer, signJws } from './jws.ts'
import { unusable } from './problem.ts'
import type { AcmeAnswer, Transport } from './transport.ts'

/** A request that is to be signed. */
export interface ToSign {
  readonly url: string
  /** null: it only reads. */
  readonly payload: object | null
  readonly accept?: string
  readonly timeoutMs?: number
}

/** Signed requests, each with a nonce that was not used before. */
export interface Signed {
  byKey(request: ToSign): Promise<AcmeAnswer>
  byAccount(kid: string, request: ToSign): Promise<AcmeAnswer>
}

const mostNonces = 10
/** A nonce may be too old; a CA that takes none of so many is out of order. */
const mostTries = 5

/** `newNonceUrl`: where there are nonces. */
export function openSigned(transport: Transport, key: AcmeKey, newNonceUrl: () => Promise<string>): Signed {
  const nonces: string[] = []
  const keep = (nonce: string): void => {
    nonces.push(nonce)
    if (nonces.length > mostNonces) nonces.shift()
  }
  const takeNonce = async (): Promise<string> => {
    if (nonces.length === 0) await transport.request({ method: 'HEAD', url: await newNonceUrl() }, keep)
    const nonce = nonces.pop()
    if (nonce === undefined) throw unusable('it gives no nonce')
    return nonce
  }
  const post = async (signer: Signer, { url, payload, ...more }: ToSign): Promise<AcmeAnswer> => {
    for (let tried = 1; ; tried += 1) {
      const nonce = await takeNonce()
      const body = await signJws(key, signer, { url, nonce, payload })
      try {
        return await transport.request({ method: 'POST', url, body, ...more }, keep)
      } catch (error) {
        if (tried >= mostTries || !isBadNonce(error)) throw error
        // Those that are kept are of the same age: only the one of this answer counts.
        nonces.splice(0, nonces.length - 1)
      }
    }
  }
  return {
    byKey: (request) => post({ jwk: key.jwk }, request),
    byAccount: (kid, request) => post({ kid }, request),
  }
}

function isBadNonce(error: unknown): boolean {
  return error instanceof WaxsealError && error.details['type'] === 'badNonce'
}

import { type Bytes, join, octets, sequence, utf16 } from './der.ts'

/** Rounds of PBKDF2 and of the MAC's key: what keytool(1) takes. */
export const iterations = 10_000

const hash = 'SHA-256'
const { subtle } = crypto

/**
 * Salt and IV for one use, from everything that is encrypted and the password, by HMAC under the private key. Equal inputs
 * give equal bytes, so that an unchanged deployment is seen as one. Nobody without the key can foretell or check them; and
 * as they differ as soon as anything else does, no AES key and IV ever encrypt two texts.
 */
export async function saltAndIv(
  key: Bytes,
  inputs: readonly Uint8Array[],
  use: string,
): Promise<{ readonly salt: Bytes; readonly iv: Bytes }> {
  const bytes = await hmac(key, sequence(octets(utf8(use)), ...inputs.map(octets)))
  return { salt: bytes.slice(0, 16), iv: bytes.slice(16) }
}

/** AES-256-CBC under a key that PBKDF2 (HMAC-SHA-256) makes of the password. */
export async function encrypt(text: Bytes, password: string, salt: Bytes, iv: Bytes): Promise<Bytes> {
  const secret = await subtle.importKey('raw', utf8(password), 'PBKDF2', false, ['deriveKey'])
  const by = { name: 'PBKDF2', hash, salt, iterations }
  const key = await subtle.deriveKey(by, secret, { name: 'AES-CBC', length: 256 }, false, ['encrypt'])
  return new Uint8Array(await subtle.encrypt({ name: 'AES-CBC', iv }, key, text))
}

/** HMAC-SHA-256 under a key that the key derivation of PKCS#12 (RFC 7292, appendix B.2, purpose 3) makes of the password. */
export async function authenticate(text: Bytes, password: string, salt: Bytes): Promise<Bytes> {
  const purpose = new Uint8Array(64).fill(3)
  let key: Bytes = join(purpose, repeated(salt), repeated(utf16(`${password}\0`)))
  for (let round = 0; round < iterations; round += 1) key = new Uint8Array(await subtle.digest(hash, key))
  return hmac(key, text)
}

/** Up to the next multiple of the hash's block. */
function repeated(bytes: Bytes): Bytes {
  const length = 64 * Math.ceil(bytes.length / 64)
  return Uint8Array.from({ length }, (_, index) => bytes[index % bytes.length] ?? 0)
}

async function hmac(key: Bytes, text: Bytes): Promise<Bytes> {
  const secret = await subtle.importKey('raw', key, { name: 'HMAC', hash }, false, ['sign'])
  return new Uint8Array(await subtle.sign('HMAC', secret, text))
}

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text)
}

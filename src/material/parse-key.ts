import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { WaxsealError } from '../error/waxseal-error.ts'

/** One private key. */
export interface PrivateKey {
  /** PKCS#8 PEM. A secret (law 4). */
  readonly keyPem: string
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string
}

const maxLength = 64 * 1024
/** What OpenSSL accepts at security level 2, the default of Debian and of Node 24. */
const minModulusLength = 2048

/** The one private key of a PEM text. MATERIAL_INVALID, which never carries a byte of it, when there is not just one. */
export function parsePrivateKey(pem: string): PrivateKey {
  if (pem.length > maxLength) throw invalid(`it is larger than ${maxLength} bytes`)
  if (/ENCRYPTED/.test(pem)) throw invalid('it is encrypted: a daemon could not read it without a passphrase')
  const count = pem.split(/-----BEGIN [A-Z ]*PRIVATE KEY-----/).length - 1
  if (count !== 1) throw invalid(`it has ${count} PEM private keys, not one`)
  const key = readKey(pem)
  const { modulusLength = minModulusLength } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < minModulusLength)
    throw invalid(`it is an RSA key of ${modulusLength} bits, too short to be served`)
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return { keyPem, spkiSha256: createHash('sha256').update(spki).digest('hex') }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw invalid('it cannot be read')
  }
}

function invalid(reason: string): WaxsealError {
  return new WaxsealError('MATERIAL_INVALID', { what: 'private key', reason })
}

import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { type ErrorDetails, WaxsealError } from '../error/waxseal-error.ts'
import type { KeyKind } from '../plan/key-kind.ts'
import { kindOfKey } from './make-key.ts'
import { type PemBlock, readPem } from './read-pem.ts'
import { byMark, encrypted, recognise } from './recognise.ts'

/** One private key. */
export interface PrivateKey {
  /** PKCS#8 PEM. A secret (law 4). */
  readonly keyPem: string
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string
  /** Null: of none that this host makes. */
  readonly kind: KeyKind | null
}

const maxLength = 256 * 1024
const maxKeys = 20
/** What OpenSSL accepts at security level 2, the default of Debian and of Node 24. */
const minModulusLength = 2048

/** The one private key of a PEM text. MATERIAL_INVALID, which never carries a byte of it, when there is not just one. */
export function parsePrivateKey(pem: string): PrivateKey {
  const [key, ...others] = readAll(pem)
  if (key === undefined || others.length > 0)
    throw invalid({
      reason: `it has ${others.length + 1} private keys, not one`,
      hint: 'Leave the right one alone in it.',
    })
  return named(key)
}

/** The private key of a PEM text that belongs to this public key; where none does, the one that there is. As `parsePrivateKey`. */
export function findPrivateKey(pem: string, spkiSha256: string): PrivateKey {
  const keys = readAll(pem)
  const match = keys.find((key) => digestOf(key) === spkiSha256)
  return match === undefined ? parsePrivateKey(pem) : named(match)
}

/** Each key once. Other blocks, a certificate or parameters, and any text are passed over. */
function readAll(pem: string): readonly KeyObject[] {
  if (pem.length > maxLength) throw invalid({ reason: `it is larger than ${maxLength} bytes` })
  const { blocks, torn } = readPem(pem)
  if (torn.some(isKey))
    throw invalid({ reason: 'a private key in it is torn', hint: 'Its END line is missing: copy it again.' })
  const found = blocks.filter(({ label }) => isKey(label))
  const plain = found.filter((block) => !isEncrypted(block))
  if (plain.length === 0) throw invalid(found.length > 0 ? encrypted : recognise(pem, 'private key'))
  if (plain.length > maxKeys) throw invalid({ reason: `it has more than ${maxKeys} private keys` })
  if (plain.some(({ der }) => der === null)) throw invalid(byMark(pem, 'private key') ?? unreadable)
  const keys = plain.map(readKey)
  return keys.filter((key, index) => keys.findIndex((other) => other.equals(key)) === index)
}

/** SSH's own form is none that OpenSSL reads. */
function isKey(label: string): boolean {
  return /(?:^| )PRIVATE KEY$/.test(label) && label !== 'OPENSSH PRIVATE KEY'
}

/** By the block's own lines: a comment in the file says nothing. */
function isEncrypted({ label, isEncrypted: byHeader }: PemBlock): boolean {
  return label === 'ENCRYPTED PRIVATE KEY' || byHeader
}

/** Some programs write one kind between the lines of another. */
const forms = ['pkcs8', 'pkcs1', 'sec1'] as const

function readKey({ der }: PemBlock): KeyObject {
  for (const type of forms) {
    try {
      return createPrivateKey({ key: Buffer.from(der ?? []), format: 'der', type })
    } catch {
      continue
    }
  }
  throw invalid(unreadable)
}

const unreadable = {
  reason: 'it cannot be read',
  hint: 'openssl pkey -in FILE -noout says whether OpenSSL can read it.',
}

function named(key: KeyObject): PrivateKey {
  const { modulusLength = minModulusLength } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < minModulusLength)
    throw invalid({
      reason: `it is an RSA key of ${modulusLength} bits, too short to be served`,
      hint: 'Request the certificate again with a new key: RSA of 2048 bits or more, or ECDSA P-256.',
    })
  return {
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    spkiSha256: digestOf(key),
    kind: kindOfKey(key),
  }
}

function digestOf(key: KeyObject): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex')
}

function invalid(details: ErrorDetails): WaxsealError {
  return new WaxsealError('MATERIAL_INVALID', { what: 'private key', ...details })
}

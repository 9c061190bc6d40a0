import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { FileRole } from './plan.ts'

const keyBlock = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g

/**
 * What stands for a file in journals, records and reports: SHA-256 of its bytes, lower-case hex. A key is its SPKI digest
 * instead, and a key inside any other file, whole or torn, is replaced by it before that is hashed, so that no digest of
 * key bytes leaves memory (law 4). A PKCS#12 store is hashed as it is: its key is encrypted.
 */
export function fileDigest(role: FileRole, bytes: Uint8Array): string {
  if (isDerKey(bytes)) return derDigest(bytes) ?? 'unreadable'
  const text = Buffer.from(bytes).toString('latin1')
  if (role === 'key') return pemDigest(text) ?? 'unreadable'
  return sha256(
    Buffer.from(
      text.replaceAll(keyBlock, (pem) => pemDigest(pem) ?? 'unreadable'),
      'latin1',
    ),
  )
}

/**
 * Whether it begins as a DER key does, whole or torn: a sequence whose first member is version 0 or 1 (RFC 5958, 8017, 5915).
 * A certificate begins with another sequence, PKCS#12 with version 3.
 */
function isDerKey(bytes: Uint8Array): boolean {
  const [tag, length = 0] = bytes
  const at = length < 0x80 ? 2 : 2 + (length & 0x7f)
  return tag === 0x30 && bytes[at] === 2 && bytes[at + 1] === 1 && (bytes[at + 2] ?? 3) <= 1
}

function derDigest(bytes: Uint8Array): string | null {
  const key = Buffer.from(bytes)
  return (
    spkiDigest(() => createPrivateKey({ key, format: 'der', type: 'pkcs8' })) ??
    spkiDigest(() => createPrivateKey({ key, format: 'der', type: 'pkcs1' })) ??
    spkiDigest(() => createPrivateKey({ key, format: 'der', type: 'sec1' }))
  )
}

function pemDigest(pem: string): string | null {
  return spkiDigest(() => createPrivateKey(pem))
}

function spkiDigest(read: () => KeyObject): string | null {
  try {
    return sha256(createPublicKey(read()).export({ type: 'spki', format: 'der' }))
  } catch {
    return null
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import type { FileRole } from './plan.ts'

const keyBlock = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g

/**
 * What stands for a file in journals, records and reports: SHA-256 of its bytes, lower-case hex. A key is its SPKI digest
 * instead, and a key inside any other file, whole or torn, is replaced by it before that is hashed, so that no digest of
 * key bytes leaves memory (law 4).
 */
export function fileDigest(role: FileRole, bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1')
  if (role === 'key') return spkiDigest(text) ?? 'unreadable'
  return sha256(
    Buffer.from(
      text.replaceAll(keyBlock, (pem) => spkiDigest(pem) ?? 'unreadable'),
      'latin1',
    ),
  )
}

function spkiDigest(pem: string): string | null {
  try {
    return sha256(createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }))
  } catch {
    return null
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

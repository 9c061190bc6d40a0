import { parseCertificates } from '../../material/parse-certificate.ts'
import { findPrivateKey } from '../../material/parse-key.ts'

/** SHA-256 of the certificates of which the key is there, too; null: of none. */
export function wholeLeaves(contents: Buffer): readonly string[] | null {
  try {
    const pem = contents.toString('latin1')
    const leaves = parseCertificates(contents).filter(({ spkiSha256 }) => hasKey(pem, spkiSha256))
    return leaves.length === 0 ? null : leaves.map(({ sha256 }) => sha256)
  } catch {
    return null
  }
}

function hasKey(pem: string, spkiSha256: string): boolean {
  try {
    return findPrivateKey(pem, spkiSha256).spkiSha256 === spkiSha256
  } catch {
    return false
  }
}

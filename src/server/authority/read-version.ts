import { createHash, X509Certificate } from 'node:crypto'
import type { VersionRow } from '../store/rows.ts'

/** What a certificate (PEM, leaf first) says of itself. */
export function readVersion(
  pem: string,
): Pick<VersionRow, 'pem' | 'serial' | 'notBefore' | 'notAfter' | 'spki' | 'fingerprint'> {
  const leaf = new X509Certificate(pem)
  return {
    pem,
    serial: leaf.serialNumber.toLowerCase(),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    spki: sha256(leaf.publicKey.export({ type: 'spki', format: 'der' })),
    fingerprint: sha256(leaf.raw),
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

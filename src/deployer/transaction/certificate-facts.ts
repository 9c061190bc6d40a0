import type { Certificate } from '../../material/material.ts'
import type { CertificateFacts } from '../../outcome/outcome.ts'

/** What reports and records say of a certificate. */
export function certificateFacts(leaf: Certificate): CertificateFacts {
  const { names, serial, notBefore, notAfter, spkiSha256, sha256 } = leaf
  return { names, serial, notBefore, notAfter, spkiSha256, sha256 }
}

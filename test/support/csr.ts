import { generateKeyPairSync } from 'node:crypto'
import { createCertificateRequest } from '../../src/material/certificate-request.ts'

/** A CSR (PEM) for these names with a key of its own. */
export function newCsr(names: readonly string[] = ['mail.example.net']): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return createCertificateRequest({ commonName: names[0] ?? '', sans: names.slice(1), keyPem })
}

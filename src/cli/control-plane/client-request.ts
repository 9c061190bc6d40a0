import { generateKeyPairSync } from 'node:crypto'
import type { ClientRequest } from '../../control-plane/credential-calls.ts'
import { createCertificateRequest } from '../../material/certificate-request.ts'

/** A new key (ECDSA, P-256) and a CSR for it: of what it is for, the control plane decides. */
export async function makeClientRequest(): Promise<ClientRequest> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { keyPem, csrPem: await createCertificateRequest({ commonName: 'waxseal', sans: [], keyPem }) }
}

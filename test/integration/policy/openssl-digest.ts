import { execFileSync } from 'node:child_process'

/** SHA-256 of the SubjectPublicKeyInfo by openssl(1), as RFC 7671 and every DANE guide make it: a second opinion. */
export function opensslDigest(certificatePem: string): string {
  const run = (args: readonly string[], input: string | Buffer): Buffer =>
    execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'ignore'] })
  const publicKey = run(['x509', '-noout', '-pubkey'], certificatePem)
  const der = run(['pkey', '-pubin', '-outform', 'DER'], publicKey)
  return run(['dgst', '-sha256', '-r'], der).toString().slice(0, 64)
}

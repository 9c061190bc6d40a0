import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate that openssl has made, with its key. */
export interface OddPair {
  readonly certificatePem: string
  readonly keyPem: string
  /** Names its files. */
  readonly id: string
}

export interface OddOptions {
  /** The CA that signs; left out: it signs itself. */
  readonly by?: OddPair
  /** Lines of x509v3_config(5); empty: a certificate of version 1. */
  readonly extensions?: readonly string[]
  /** Arguments of openssl-genpkey(1). */
  readonly key?: readonly string[]
  /** The key of another pair. */
  readonly keyOf?: OddPair
  readonly digest?: string
  readonly subject?: string
  readonly days?: number
  /** Further arguments of openssl-x509(1). */
  readonly signing?: readonly string[]
}

export const keys = {
  ec: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  short: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  brainpool: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:brainpoolP256r1'],
  koblitz: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
  pss: ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
  ed25519: ['-algorithm', 'ED25519'],
} as const

export const ca = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'] as const
export const san = 'subjectAltName=DNS:mail.example.net'

/** Certificates that no CA of good manners makes, in this folder. */
export function opensslPki(dir: string): (options: OddOptions) => OddPair {
  let made = 0
  return (options) => {
    made += 1
    const id = `${made}`
    const file = (kind: string, of = id): string => join(dir, `${of}.${kind}`)
    const openssl = (...args: readonly string[]): void =>
      void execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    if (options.keyOf === undefined) openssl('genpkey', ...(options.key ?? keys.ec), '-out', file('key'))
    else writeFileSync(file('key'), options.keyOf.keyPem)
    openssl('req', '-new', '-key', file('key'), '-subj', options.subject ?? '/CN=mail.example.net', '-out', file('csr'))
    const extensions = options.extensions ?? [san]
    writeFileSync(file('ext'), extensions.join('\n'))
    const signer =
      options.by === undefined
        ? ['-signkey', file('key')]
        : ['-CA', file('pem', options.by.id), '-CAkey', file('key', options.by.id), '-CAcreateserial']
    openssl(
      'x509',
      '-req',
      '-in',
      file('csr'),
      '-days',
      `${options.days ?? 30}`,
      `-${options.digest ?? 'sha256'}`,
      ...(extensions.length === 0 ? [] : ['-extfile', file('ext')]),
      ...signer,
      ...(options.signing ?? []),
      '-out',
      file('pem'),
    )
    return { id, certificatePem: readFileSync(file('pem'), 'utf8'), keyPem: readFileSync(file('key'), 'utf8') }
  }
}

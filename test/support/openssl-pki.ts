import { execFileSync, spawnSync } from 'node:child_process'
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
  /** Further arguments of openssl-x509(1), where there are extensions. */
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

/** OpenSSL before 3.2 needs no word for a certificate of version 1, and has none. */
const versionOne = spawnSync('openssl', ['req', '-help'], { encoding: 'utf8' }).stderr.includes('-x509v1')
  ? ['-x509v1']
  : []

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
    const [key, by] = [file('key', options.by?.id ?? id), options.by === undefined ? null : file('pem', options.by.id)]
    const common = ['-in', file('csr'), '-days', `${options.days ?? 30}`, `-${options.digest ?? 'sha256'}`]
    if (extensions.length === 0) {
      writeFileSync(file('ext'), '[req]\ndistinguished_name = dn\n[dn]\n')
      const signer = by === null ? ['-key', key] : ['-CA', by, '-CAkey', key]
      openssl('req', '-x509', ...versionOne, ...common, '-config', file('ext'), ...signer, '-out', file('pem'))
    } else {
      writeFileSync(file('ext'), extensions.join('\n'))
      const signer = by === null ? ['-signkey', key] : ['-CA', by, '-CAkey', key, '-CAcreateserial']
      const more = options.signing ?? []
      openssl('x509', '-req', ...common, '-extfile', file('ext'), ...signer, ...more, '-out', file('pem'))
    }
    return { id, certificatePem: readFileSync(file('pem'), 'utf8'), keyPem: readFileSync(file('key'), 'utf8') }
  }
}

import 'reflect-metadata'
import { createHash, createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** A pair for a test. */
export interface TestPair {
  readonly certificatePem: string
  readonly keyPem: string
  /** The intermediates; empty below a root. */
  readonly chainPem: string
  /** SHA-256 of the leaf's DER. */
  readonly sha256: string
}

export interface IssueOptions {
  readonly names: readonly string[]
  readonly ips?: readonly string[]
  readonly keyType?: 'rsa' | 'ecdsa'
  /** The new pair has the key of this one. */
  readonly keyOf?: TestPair
  readonly notBefore?: Date
  readonly notAfter?: Date
}

/** A CA of a test. */
export interface TestAuthority {
  readonly certificatePem: string
  issue(options: IssueOptions): Promise<TestPair>
  /** A CA below this one, whose pairs carry it in their chain; good until `notAfter`, or for years. */
  intermediate(notAfter?: Date): Promise<TestAuthority>
}

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
}
const dayMs = 86_400_000

interface Parent {
  readonly certificate: x509.X509Certificate
  readonly privateKey: CryptoKey
}

/** A new root. */
export async function makeAuthority(name = 'Waxseal test CA'): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(8).toString('hex').replace(/^./, '1'),
    name: [{ CN: [name] }],
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + 3650 * dayMs),
    keys: keys as CryptoKeyPair,
    signingAlgorithm: ecdsa,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  })
  return authority({ certificate, privateKey: keys.privateKey as CryptoKey }, '')
}

function authority(parent: Parent, chainPem: string): TestAuthority {
  return {
    certificatePem: `${parent.certificate.toString('pem')}\n`,
    issue: (options) => issue(parent, chainPem, options),
    intermediate: async (notAfter = new Date(Date.now() + 1000 * dayMs)) => {
      const keys = await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
      const certificate = await x509.X509CertificateGenerator.create({
        ...common(parent, new Date(Math.min(Date.now(), notAfter.getTime()) - dayMs), notAfter),
        subject: [{ CN: [`intermediate ${randomBytes(4).toString('hex')}`] }],
        publicKey: keys.publicKey as CryptoKey,
        extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
      })
      return authority(
        { certificate, privateKey: keys.privateKey as CryptoKey },
        `${certificate.toString('pem')}\n${chainPem}`,
      )
    },
  }
}

async function issue(parent: Parent, chainPem: string, options: IssueOptions): Promise<TestPair> {
  const algorithm = options.keyType === 'rsa' ? rsa : ecdsa
  const keys =
    options.keyOf === undefined
      ? ((await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as unknown as CryptoKeyPair)
      : await keysOf(options.keyOf, algorithm)
  const notBefore = options.notBefore ?? new Date(Date.now() - dayMs)
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(parent, notBefore, options.notAfter ?? new Date(Date.now() + 90 * dayMs)),
    subject: [{ CN: [options.names[0] ?? 'nameless'] }],
    publicKey: keys.publicKey,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        ...options.names.map((value) => ({ type: 'dns' as const, value })),
        ...(options.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
      ]),
    ],
  })
  const pem = `${certificate.toString('pem')}\n`
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    certificatePem: pem,
    keyPem: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
    chainPem,
    sha256: createHash('sha256').update(new X509Certificate(pem).raw).digest('hex'),
  }
}

async function keysOf({ keyPem }: TestPair, algorithm: typeof rsa | typeof ecdsa): Promise<CryptoKeyPair> {
  const privateKey = createPrivateKey(keyPem)
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  } as CryptoKeyPair
}

function common(parent: Parent, notBefore: Date, notAfter: Date) {
  return {
    serialNumber: randomBytes(8).toString('hex').replace(/^./, '1'),
    issuer: parent.certificate.subject,
    notBefore,
    notAfter,
    signingKey: parent.privateKey,
    signingAlgorithm: ecdsa,
  }
}

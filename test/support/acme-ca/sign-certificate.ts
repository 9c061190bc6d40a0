import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** Signs what was ordered. */
export interface TestSigner {
  /** PEM of the root. */
  readonly rootPem: string
  /** Names of a CSR (DER); throws: it is none, or its signature is wrong. */
  namesOf(csr: Buffer): Promise<readonly string[]>
  sign(csr: Buffer, names: readonly string[], from: number, to: number): Promise<SignedByTest>
}

/** A certificate of a test's CA. */
export interface SignedByTest {
  /** Leaf, then intermediate. */
  readonly pem: string
  readonly der: Buffer
  /** Hex. */
  readonly serial: string
  /** As RFC 9773 calls it. */
  readonly certId: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const yearMs = 365 * 86_400_000

/** A root and an intermediate of long lives around `now`, which is the time of the CA's own clock. */
export async function openTestSigner(now: number): Promise<TestSigner> {
  const [rootKeys, keys] = await Promise.all([newKeys(), newKeys()])
  const notBefore = new Date(now - yearMs)
  const notAfter = new Date(now + 20 * yearMs)
  const isCa = new x509.BasicConstraintsExtension(true, undefined, true)
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: ['ACME root of a test'] }],
    notBefore,
    notAfter,
    keys: rootKeys,
    signingAlgorithm: algorithm,
    extensions: [isCa, await x509.SubjectKeyIdentifierExtension.create(rootKeys.publicKey)],
  })
  const intermediate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: ['ACME intermediate of a test'] }],
    issuer: root.subject,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      isCa,
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  })
  const chain = `${intermediate.toString('pem')}\n`
  const authorityKeyId = await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey)
  return {
    rootPem: `${root.toString('pem')}\n`,
    namesOf: async (der) => {
      const csr = new x509.Pkcs10CertificateRequest(Uint8Array.from(der))
      if (!(await csr.verify())) throw new Error('the signature of the CSR is wrong')
      const extension = csr.extensions.find(({ type }) => type === '2.5.29.17')
      const commonName = csr.subjectName.getField('CN')
      const names = (
        extension === undefined ? [] : new x509.SubjectAlternativeNameExtension(extension.rawData).names.items
      ).map(({ value }) => value)
      return [...new Set([...commonName, ...names].map((name) => name.toLowerCase()))]
    },
    sign: async (der, names, from, to) => {
      const serialNumber = newSerial()
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber,
        subject: [],
        issuer: intermediate.subject,
        notBefore: new Date(from),
        notAfter: new Date(to),
        publicKey: new x509.Pkcs10CertificateRequest(Uint8Array.from(der)).publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(names.map(generalName), true),
          authorityKeyId,
        ],
      })
      const keyId = Buffer.from(authorityKeyId.keyId ?? '', 'hex').toString('base64url')
      return {
        pem: `${certificate.toString('pem')}\n${chain}`,
        der: Buffer.from(certificate.rawData),
        serial: serialNumber,
        certId: `${keyId}.${Buffer.from(serialNumber, 'hex').toString('base64url')}`,
      }
    },
  }
}

function generalName(value: string): x509.JsonGeneralName {
  return { type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value }
}

/** Positive, and in its shortest form. */
function newSerial(): string {
  return randomBytes(16).toString('hex').replace(/^./, '5')
}

async function newKeys(): Promise<CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])) as CryptoKeyPair
}

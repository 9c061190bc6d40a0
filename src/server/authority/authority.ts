import 'reflect-metadata'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { durableWrite } from '../../host/file/durable-write.ts'
import { readBounded } from '../../host/file/read-bounded.ts'

/** A certificate with its key, both PEM. */
export interface IssuedPair {
  readonly certificatePem: string
  readonly keyPem: string
}

/** The local CA: one self-signed root, made at the first start. */
export interface Authority {
  readonly caPem: string
  /** SHA-256 of the public key (SPKI) of a CSR, hex. Its names, common name and SANs together, must be just these: JOB_MALFORMED otherwise. */
  check(csrPem: string, names: readonly string[]): Promise<string>
  /** A certificate (PEM) for such a CSR, which begins a minute before `at`; left out: now. */
  sign(csrPem: string, names: readonly string[], validityDays: number, at?: number): Promise<string>
  /** A pair for the control plane's own listener. */
  issueServerPair(names: readonly string[]): Promise<IssuedPair>
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 86_400_000
const { subtle } = globalThis.crypto

/** Opens the CA in this folder, making it where there is none. CA_MISSING: there is none, and none may be made. */
export async function openAuthority(folder: string, mayMake = true): Promise<Authority> {
  const kept = await readRoot(folder)
  if (kept === null && !mayMake) {
    const hint = 'put ca.pem and ca.key back from a backup; agents trust no other CA'
    throw new WaxsealError('CA_MISSING', { folder, hint })
  }
  const root = kept ?? (await makeRoot(folder))
  const issue = (
    publicKey: CryptoKey | x509.PublicKey,
    names: readonly string[],
    days: number,
    at: number,
  ): Promise<x509.X509Certificate> =>
    x509.X509CertificateGenerator.create({
      serialNumber: randomBytes(16).toString('hex').replace(/^./, '1'),
      subject: [{ CN: [names[0] ?? ''] }],
      issuer: root.certificate.subject,
      notBefore: new Date(at - 60_000),
      notAfter: new Date(at + days * dayMs),
      publicKey,
      signingKey: root.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(names.map(generalName)),
      ],
    })
  return {
    caPem: `${root.certificate.toString('pem')}\n`,
    check: async (csrPem, names) => {
      const { publicKey } = await readCsrFor(csrPem, names)
      return createHash('sha256').update(Buffer.from(publicKey.rawData)).digest('hex')
    },
    sign: async (csrPem, names, validityDays, at = Date.now()) => {
      const csr = await readCsrFor(csrPem, names)
      return `${(await issue(csr.publicKey, names, validityDays, at)).toString('pem')}\n`
    },
    issueServerPair: async (names) => {
      const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify'])
      const certificate = await issue(keys.publicKey, names, 397, Date.now())
      return { certificatePem: `${certificate.toString('pem')}\n`, keyPem: await exportKey(keys.privateKey) }
    },
  }
}

interface Root {
  readonly certificate: x509.X509Certificate
  readonly privateKey: CryptoKey
}

async function readRoot(folder: string): Promise<Root | null> {
  const certificate = await readBounded(join(folder, 'ca.pem'), 65_536)
  const key = await readBounded(join(folder, 'ca.key'), 65_536)
  if (certificate === null || key === null) return null
  const der = x509.PemConverter.decodeFirst(Buffer.from(key).toString('utf8'))
  const privateKey = await subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
  return { certificate: new x509.X509Certificate(Buffer.from(certificate).toString('utf8')), privateKey }
}

async function makeRoot(folder: string): Promise<Root> {
  const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex').replace(/^./, '1'),
    name: [
      { CN: ['Waxseal local CA'] },
      { O: [createHash('sha256').update(randomBytes(16)).digest('hex').slice(0, 12)] },
    ],
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3650 * dayMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  await durableWrite(join(folder, 'ca.key'), Buffer.from(await exportKey(keys.privateKey)))
  await durableWrite(join(folder, 'ca.pem'), Buffer.from(`${certificate.toString('pem')}\n`), 0o644)
  return { certificate, privateKey: keys.privateKey }
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
}

async function readCsrFor(pem: string, names: readonly string[]): Promise<x509.Pkcs10CertificateRequest> {
  const csr = await readCsr(pem)
  if (isSameSet(namesOf(csr), names.map(spelling).map(folded))) return csr
  throw new WaxsealError('JOB_MALFORMED', { reason: 'the names of the CSR are not those that were asked for' })
}

async function readCsr(pem: string): Promise<x509.Pkcs10CertificateRequest> {
  try {
    const csr = new x509.Pkcs10CertificateRequest(pem)
    if (await csr.verify()) return csr
  } catch {
    throw new WaxsealError('JOB_MALFORMED', { reason: 'the CSR cannot be read' })
  }
  throw new WaxsealError('JOB_MALFORMED', { reason: 'the signature of the CSR is wrong' })
}

/** The Go agent's CSR has a common name that no SAN repeats, and an address as a DNS name. */
function namesOf(csr: x509.Pkcs10CertificateRequest): readonly string[] {
  const extension = csr.extensions.find((one) => one.type === '2.5.29.17')
  const sans = extension === undefined ? [] : new x509.SubjectAlternativeNameExtension(extension.rawData).names.items
  const names = [...csr.subjectName.getField('CN'), ...sans.map(({ value }) => value)]
  return names.filter((name) => name !== '').map((name) => folded(spelling(name)))
}

/** DNS names are the same in any case (RFC 4343). */
function folded(name: string): string {
  return name.toLowerCase()
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.every((name) => others.includes(name)) && others.every((name) => some.includes(name))
}

/** A name as it is read back from a certificate: `2001:DB8:0::1` is `2001:db8::1`. */
function spelling(name: string): string {
  const { rawData } = new x509.SubjectAlternativeNameExtension([generalName(name)])
  return new x509.SubjectAlternativeNameExtension(rawData).names.items[0]?.value ?? name
}

function generalName(value: string): { readonly type: 'dns' | 'ip' | 'email'; readonly value: string } {
  if (/^[\d.]+$|:/.test(value)) return { type: 'ip', value }
  return { type: value.includes('@') ? 'email' : 'dns', value }
}

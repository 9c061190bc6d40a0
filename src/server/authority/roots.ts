import 'reflect-metadata'
import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { readBounded } from '../../host/file/read-bounded.ts'
import { durableReplace } from '../../host/file/write/durable-write.ts'
import type { Life } from './which-root.ts'

/** The keys of the CA. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

const dayMs = 86_400_000
const lifeMs = 3650 * dayMs
const mostBytes = 65_536
const { subtle } = globalThis.crypto

/** A CA that can sign. */
export interface Root extends Life {
  /** Of its public key; the name of its CRL. */
  readonly id: string
  readonly certificate: x509.X509Certificate
  readonly privateKey: CryptoKey
}

/** What is in the folder of the CA: `ca.pem` and `ca.key`, each with one or more of them, in PEM. */
export interface Roots {
  /** All that agents are to trust, those too whose keys are not here. */
  readonly pem: string
  /** Oldest first. */
  readonly signing: readonly Root[]
}

/** The files of a CA in its folder, and what it is called in its certificate. */
export interface CaFiles {
  readonly certificates: string
  readonly keys: string
  readonly name: string
}

const serverCaFiles: CaFiles = { certificates: 'ca.pem', keys: 'ca.key', name: 'Waxseal local CA' }
/** Of the CA that signs client certificates alone. */
export const clientCaFiles: CaFiles = {
  certificates: 'client-ca.pem',
  keys: 'client-ca.key',
  name: 'Waxseal client CA',
}

/** Reads the folder. A certificate and its key find each other by the public key. */
export async function readRoots(folder: string, files = serverCaFiles): Promise<Roots> {
  const [pem, keys] = await readFiles(folder, files)
  const certificates = certificatesIn(pem)
  const signing: Root[] = []
  for (const keyPem of blocksOf(keys, 'PRIVATE KEY')) {
    const id = idOfKey(keyPem)
    const certificate = certificates.find((one) => idOf(one) === id)
    if (certificate === undefined) continue
    const der = x509.PemConverter.decodeFirst(keyPem)
    const privateKey = await subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
    const [notBefore, notAfter] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()]
    signing.push({ id, certificate, privateKey, notBefore, notAfter })
  }
  return { pem, signing: signing.toSorted((one, other) => one.notBefore - other.notBefore) }
}

/** Makes one more, which begins at `at`. The key is there before the certificate: a crash between leaves a key that nothing uses. */
export async function addRoot(folder: string, at: number, files = serverCaFiles): Promise<void> {
  const { certificatePem, keyPem } = await makeRoot(at, files.name)
  const [pem, keys] = await readFiles(folder, files)
  await durableReplace(join(folder, files.keys), Buffer.from(keys + keyPem))
  await durableReplace(join(folder, files.certificates), Buffer.from(pem + certificatePem), 0o644)
}

/** Drops those that have ended, but for the last one; returns how many. */
export async function dropEnded(folder: string, at: number): Promise<number> {
  const [pem, keys] = await readFiles(folder, serverCaFiles)
  const all = certificatesIn(pem)
  const left = all.filter(({ notAfter }) => notAfter.getTime() > at)
  if (left.length === 0 || left.length === all.length) return 0
  const ids = new Set(left.map(idOf))
  const keptKeys = blocksOf(keys, 'PRIVATE KEY').filter((block) => ids.has(idOfKey(block)))
  await durableReplace(join(folder, 'ca.pem'), Buffer.from(left.map(pemOf).join('')), 0o644)
  await durableReplace(join(folder, 'ca.key'), Buffer.from(keptKeys.map((block) => `${block}\n`).join('')))
  return all.length - left.length
}

/** A certificate as it stands in a file. */
export function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

/** A key as it stands in a file. */
export async function exportKey(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`
}

/** For 128 bits of chance; the first one is positive. */
export function newSerial(): string {
  return randomBytes(16).toString('hex').replace(/^./, '1')
}

async function makeRoot(
  at: number,
  name: string,
): Promise<{ readonly certificatePem: string; readonly keyPem: string }> {
  const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [name] }, { O: [createHash('sha256').update(randomBytes(16)).digest('hex').slice(0, 12)] }],
    notBefore: new Date(at - 60_000),
    notAfter: new Date(at + lifeMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  return { certificatePem: pemOf(certificate), keyPem: await exportKey(keys.privateKey) }
}

async function readFiles(
  folder: string,
  { certificates, keys: keyFile }: CaFiles,
): Promise<readonly [pem: string, keys: string]> {
  const [pem, keys] = await Promise.all(
    [certificates, keyFile].map(async (name) => {
      const text = Buffer.from((await readBounded(join(folder, name), mostBytes)) ?? '').toString('utf8')
      return text === '' || text.endsWith('\n') ? text : `${text}\n`
    }),
  )
  return [pem ?? '', keys ?? '']
}

function certificatesIn(pem: string): readonly x509.X509Certificate[] {
  return blocksOf(pem, 'CERTIFICATE').map((block) => new x509.X509Certificate(block))
}

function blocksOf(text: string, label: string): readonly string[] {
  return text.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g')) ?? []
}

function idOf({ publicKey }: x509.X509Certificate): string {
  return idOfSpki(new Uint8Array(publicKey.rawData))
}

function idOfKey(pem: string): string {
  return idOfSpki(createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }))
}

function idOfSpki(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex').slice(0, 16)
}

import type { KeyObject } from 'node:crypto'
import { limits } from '../limit/limits.ts'
import type { Certificate } from './material.ts'
import { printable, readCertificate } from './parse-certificate.ts'
import { readPem } from './read-pem.ts'
import { recogniseDer } from './recognise-der.ts'

/** A certificate in a file, with what is listed of it. */
export interface CertificateInFile {
  readonly certificate: Certificate
  readonly format: 'PEM' | 'DER'
  /** Empty: it has none. */
  readonly commonName: string
  /** Whether `names` are those of subjectAltName. */
  readonly hasSans: boolean
  readonly keyAlgorithm: string
  /** In bits; 0: it is not known. */
  readonly keySize: number
}

/** What a file of any kind has of certificates. */
export interface FileContents {
  readonly certificates: readonly CertificateInFile[]
  /** Blocks that say they are certificates and cannot be read as such. */
  readonly unreadable: number
}

/** More are in no bundle: that of Mozilla has about 150. */
const mostInFile = 1000

/** The labels of certificates (RFC 7468, what was there before it, and OpenSSL's own). */
const labels: readonly string[] = ['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']

const begin = '-----BEGIN '
const longestLabel = 64

/**
 * The certificates in a file, PEM or DER. Of anything else in it, keys above all, no copy is made: no text is made of the file, and a
 * certificate is what OpenSSL writes out of what it has read, not the bytes that were there.
 */
export function certificatesIn(bytes: Buffer): FileContents {
  if (bytes[0] === 0x30) {
    if (recogniseDer(bytes) !== 'certificate') return { certificates: [], unreadable: 0 }
    const one = bytes.length > limits.searchedCertificate.most ? null : described(bytes, 'DER')
    return one === null ? { certificates: [], unreadable: 1 } : { certificates: [one], unreadable: 0 }
  }
  const certificates: CertificateInFile[] = []
  let unreadable = 0
  for (const block of blocksIn(bytes)) {
    const one = block === null ? null : described(block, 'PEM')
    if (one === null) unreadable += 1
    else certificates.push(one)
    if (certificates.length + unreadable >= mostInFile) break
  }
  return { certificates, unreadable }
}

/** What stands between the lines of each certificate; null: it is torn, too large, or no base64. Linear in the length. */
function* blocksIn(bytes: Buffer): Generator<Uint8Array | null> {
  for (let at = bytes.indexOf(begin); at !== -1; ) {
    const next = bytes.indexOf(begin, at + begin.length)
    const part = bytes.subarray(at, next === -1 ? bytes.length : next)
    const label = labels.find((known) => startsWith(part, `${begin}${known}-----`))
    if (label !== undefined) yield blockIn(part, label)
    at = next
  }
}

function startsWith(part: Buffer, text: string): boolean {
  return text.length <= begin.length + longestLabel && part.subarray(0, text.length).equals(Buffer.from(text, 'latin1'))
}

function blockIn(part: Buffer, label: string): Uint8Array | null {
  const endLine = `-----END ${label}-----`
  const end = part.indexOf(endLine)
  // As base64, with the ends of its lines.
  if (end === -1 || end > 2 * limits.searchedCertificate.most) return null
  const [block] = readPem(part.toString('latin1', 0, end + endLine.length)).blocks
  return block?.der ?? null
}

function described(der: Uint8Array, format: 'PEM' | 'DER'): CertificateInFile | null {
  const read = readCertificate(der)
  if (read === null || read.certificate.der.length > limits.searchedCertificate.most) return null
  const { x509, certificate } = read
  return {
    certificate,
    format,
    commonName: commonNameOf(x509.subject),
    hasSans: x509.subjectAltName !== undefined,
    ...keyFacts(x509.publicKey),
  }
}

/** Node has a line for each part, in which a comma has a backslash before it, and nothing for an empty name. */
function commonNameOf(subject: string | undefined): string {
  return printable(/^CN=(.+)$/m.exec(subject ?? '')?.[1] ?? '').replaceAll(/\\([,+"\\<>;])/g, '$1')
}

/** In the words of certificates: OpenSSL says `ec` and `rsa`. */
function keyFacts(key: KeyObject): Pick<CertificateInFile, 'keyAlgorithm' | 'keySize'> {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  const type = key.asymmetricKeyType ?? 'unknown'
  const keyAlgorithm =
    { rsa: 'RSA', 'rsa-pss': 'RSA', ec: 'ECDSA', ed25519: 'Ed25519', dsa: 'DSA' }[type as string] ?? type
  return { keyAlgorithm, keySize: modulusLength ?? sizeOfCurve(type, namedCurve) }
}

/** `prime256v1`, `secp384r1`: their names have their size. */
function sizeOfCurve(type: string, curve = ''): number {
  if (type === 'ed25519') return 256
  return Number(/\d{3}/.exec(curve)?.[0] ?? 0)
}

import { createHash, type KeyObject, X509Certificate } from 'node:crypto'
import { type ErrorDetails, WaxsealError } from '../error/waxseal-error.ts'
import { limits } from '../limit/limits.ts'
import { keyTypes } from '../plan/plan.ts'
import { alternativeNames } from './alternative-names.ts'
import type { Certificate } from './material.ts'
import { type PemBlock, readPem } from './read-pem.ts'
import { byMark, recognise, trusted } from './recognise.ts'
import { recogniseDer } from './recognise-der.ts'

const maxBytes = 256 * 1024
const maxCertificates = 20
/** Certificates of public CAs have 250 at most. */
const maxNames = limits.namesPerCertificate.most

/** All certificates of a PEM file, in its order. MATERIAL_INVALID says what it is and how it becomes PEM when it has none that can be read. */
export function parseCertificates(
  pem: string | Uint8Array,
  what: 'certificate' | 'chain' = 'certificate',
): readonly Certificate[] {
  const invalid = (details: ErrorDetails): WaxsealError => new WaxsealError('MATERIAL_INVALID', { what, ...details })
  if (pem.length > maxBytes) throw invalid({ reason: `it is larger than ${maxBytes} bytes` })
  const text = typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1')
  const { blocks, torn } = readPem(text)
  const found = blocks.filter(({ label }) => isCertificate(label))
  if (blocks.some(({ label }) => label === 'TRUSTED CERTIFICATE')) throw invalid(trusted)
  if (torn.some(isCertificate)) throw invalid({ reason: 'a certificate in it is torn', hint: tornHint })
  if (found.length === 0) throw invalid(recognise(text, 'certificate'))
  if (found.length > maxCertificates) throw invalid({ reason: `it has more than ${maxCertificates} certificates` })
  if (found.some(({ der }) => der === null)) throw invalid(byMark(text, 'certificate') ?? noBase64)
  return found.map((block, index) => parseCertificate(block, index, invalid))
}

const noBase64 = {
  reason: 'a certificate in it cannot be read',
  hint: 'It was altered on its way: get the file again from where it was made.',
}
const tornHint = 'Its END line is missing: copy the whole file again.'

/** The second name is of the time before RFC 7468; OpenSSL takes it, too. */
function isCertificate(label: string): boolean {
  return label === 'CERTIFICATE' || label === 'X509 CERTIFICATE'
}

function parseCertificate(
  { der }: PemBlock,
  index: number,
  invalid: (details: ErrorDetails) => WaxsealError,
): Certificate {
  const which = `certificate ${index + 1}`
  const literal = { reason: `${which} cannot be read`, hint: noBase64.hint }
  const bytes = der ?? new Uint8Array()
  const x509 = attempt(() => new X509Certificate(bytes))
  if (x509 === null) throw invalid(recogniseDer(bytes) === 'pkcs7' ? mislabelled : literal)
  const publicKey = attempt(() => x509.publicKey)
  if (publicKey === null) throw invalid({ ...literal, reason: `${which} has a key that OpenSSL does not know` })
  const described = attempt(() => describe(x509, publicKey))
  if (described === null) throw invalid(literal)
  if (described.names.length > maxNames) throw invalid({ reason: `${which} has more than ${maxNames} names` })
  return described
}

const mislabelled = {
  reason: 'it is PKCS#7 between the lines of a certificate',
  hint: "sed 's/CERTIFICATE-----/PKCS7-----/' FILE | openssl pkcs7 -print_certs -out NEW.pem",
}

/** What OpenSSL reads in these bytes (DER), and what it says; null: no certificate, or one whose key or names it does not know. */
export function readCertificate(
  der: Uint8Array,
): { readonly x509: X509Certificate; readonly certificate: Certificate } | null {
  return attempt(() => {
    const x509 = new X509Certificate(der)
    const certificate = describe(x509, x509.publicKey)
    return certificate.names.length > maxNames ? null : { x509, certificate }
  })
}

/** OpenSSL's own text names its source files, and says nothing to an administrator. */
function attempt<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}

function describe(x509: X509Certificate, publicKey: KeyObject): Certificate {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return {
    pem: x509.toString(),
    der: x509.raw,
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    serial: x509.serialNumber.toLowerCase(),
    names: namesOf(x509).map(printable),
    notBefore: x509.validFromDate.toISOString(),
    notAfter: x509.validToDate.toISOString(),
    sha256: sha256(x509.raw),
    spki,
    spkiSha256: sha256(spki),
    keyType: keyTypeOf(publicKey.asymmetricKeyType),
    isCa: x509.ca,
  }
}

/** OpenSSL says `ec` for ECDSA. */
function keyTypeOf(name: string | undefined): Certificate['keyType'] {
  return keyTypes.find((type) => type === (name === 'ec' ? 'ecdsa' : name)) ?? 'other'
}

/** Those of subjectAltName; the common name where there are none. */
function namesOf(x509: X509Certificate): readonly string[] {
  const names = alternativeNames(x509.subjectAltName ?? '')
  const commonName = /^CN=(.+)$/m.exec(x509.subject)?.[1]
  return names.length > 0 || commonName === undefined ? names : [commonName]
}

function oneLine(name: string | undefined): string {
  return printable((name ?? '').replaceAll('\n', ', '))
}

/** A certificate may bring anything in a name: control characters and marks that turn a line around are written out. */
export function printable(name: string): string {
  return name.replaceAll(/\p{C}/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

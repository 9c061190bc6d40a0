import { createHash, X509Certificate } from 'node:crypto'
import { WaxsealError } from '../error/waxseal-error.ts'
import { keyTypes } from '../plan/plan.ts'
import type { Certificate } from './material.ts'

const maxBytes = 256 * 1024
const maxCertificates = 20
const block = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/** All certificates of a PEM file, in its order. MATERIAL_INVALID when there is none, or one that cannot be read. */
export function parseCertificates(pem: string | Uint8Array): readonly Certificate[] {
  if (pem.length > maxBytes) throw invalid(`it is larger than ${maxBytes} bytes`)
  const text = typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1')
  const blocks = text.match(block) ?? []
  const begun = text.split('-----BEGIN CERTIFICATE-----').length - 1
  if (blocks.length === 0 || blocks.length !== begun) throw invalid('it has no complete PEM certificate, or a torn one')
  if (blocks.length > maxCertificates) throw invalid(`it has more than ${maxCertificates} certificates`)
  return blocks.map(parseCertificate)
}

function parseCertificate(pem: string, index: number): Certificate {
  try {
    return describe(new X509Certificate(pem))
  } catch (error) {
    throw invalid(`certificate ${index + 1} cannot be read: ${(error as Error).message.slice(0, 200)}`)
  }
}

function describe(x509: X509Certificate): Certificate {
  const spki = x509.publicKey.export({ type: 'spki', format: 'der' })
  return {
    pem: x509.toString(),
    der: x509.raw,
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    serial: x509.serialNumber.toLowerCase(),
    names: namesOf(x509),
    notBefore: x509.validFromDate.toISOString(),
    notAfter: x509.validToDate.toISOString(),
    sha256: sha256(x509.raw),
    spki,
    spkiSha256: sha256(spki),
    keyType: keyTypeOf(x509.publicKey.asymmetricKeyType),
    isCa: x509.ca,
  }
}

/** OpenSSL says `ec` for ECDSA. */
function keyTypeOf(name: string | undefined): Certificate['keyType'] {
  return keyTypes.find((type) => type === (name === 'ec' ? 'ecdsa' : name)) ?? 'other'
}

const kinds: readonly string[] = ['DNS', 'IP Address', 'email']

/** `DNS:a.example, IP Address:192.0.2.1, email:…`; a name with a comma in it stands in JSON quotes. */
function namesOf(x509: X509Certificate): readonly string[] {
  const names: string[] = []
  const entry = /(?:^|, )([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)/g
  for (const [, kind = '', value = ''] of (x509.subjectAltName ?? '').matchAll(entry)) {
    if (kinds.includes(kind)) names.push(value.startsWith('"') ? String(JSON.parse(value)) : value)
  }
  const commonName = /^CN=(.+)$/m.exec(x509.subject)?.[1]
  return names.length > 0 || commonName === undefined ? names : [commonName]
}

function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function invalid(reason: string): WaxsealError {
  return new WaxsealError('MATERIAL_INVALID', { what: 'certificate', reason })
}

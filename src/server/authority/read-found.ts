import { createHash, type KeyObject, X509Certificate } from 'node:crypto'
import { alternativeNames } from '../../material/alternative-names.ts'
import type { FoundRow } from '../store/discovered-store.ts'

/** A hostile host may send anything; no real certificate comes near. */
const mostPem = 65_536
const mostNames = 1000
const longestText = 1024

/** What a certificate (PEM) that a host has found says of itself; null: it cannot be read. What the host says of it counts for nothing. */
export function readFound(pem: string): Omit<FoundRow, 'agentId' | 'path' | 'format'> | null {
  if (pem.length > mostPem) return null
  try {
    const found = new X509Certificate(pem)
    const [subject, issuer] = [linesOf(found.subject), linesOf(found.issuer)]
    const sans = alternativeNames(found.subjectAltName ?? '')
    if (sans.length > mostNames) return null
    return {
      fingerprint: createHash('sha256').update(found.raw).digest('hex'),
      commonName: shown(/^CN=(.+)$/m.exec(subject)?.[1] ?? '').replaceAll(/\\([,+"\\<>;])/g, '$1'),
      sans: sans.map(shown),
      issuer: shown(issuer.replaceAll('\n', ', ')),
      subject: shown(subject.replaceAll('\n', ', ')),
      serial: found.serialNumber.toLowerCase().slice(0, longestText),
      notBefore: requireTime(found.validFromDate),
      notAfter: requireTime(found.validToDate),
      ...keyFacts(found),
      isCa: found.ca,
    }
  } catch {
    return null
  }
}

/** Node has none where a certificate has an empty name. */
function linesOf(name: string | undefined): string {
  return name ?? ''
}

/** Control characters, and marks that turn a line around, are written out. */
function shown(text: string): string {
  return text
    .replaceAll(/\p{C}/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
    .slice(0, longestText)
}

function requireTime(date: Date): number {
  const at = date.getTime()
  if (Number.isNaN(at)) throw new Error('it is no time')
  return at
}

/** OpenSSL may not know its key. */
function keyFacts(found: X509Certificate): Pick<FoundRow, 'keyAlgorithm' | 'keySize'> {
  let key: KeyObject
  try {
    key = found.publicKey
  } catch {
    return { keyAlgorithm: 'unknown', keySize: 0 }
  }
  const { modulusLength, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  const type = key.asymmetricKeyType ?? 'unknown'
  const names: Readonly<Record<string, string>> = {
    rsa: 'RSA',
    'rsa-pss': 'RSA',
    ec: 'ECDSA',
    ed25519: 'Ed25519',
    dsa: 'DSA',
  }
  const ofCurve = type === 'ed25519' ? 256 : Number(/\d{3}/.exec(namedCurve)?.[0] ?? 0)
  return { keyAlgorithm: names[type] ?? type, keySize: modulusLength ?? ofCurve }
}

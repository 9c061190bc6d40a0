import { createHash, X509Certificate } from 'node:crypto'
import { hostOf, recordOf, type TlsaRecord, tlsaText } from './tlsa.ts'

/** A key, and the certificates of it in question (PEM, leaf and chain); none: it is not certified yet. */
export interface KeyUse {
  /** SHA-256 of the key (SPKI), hex. */
  readonly spki: string
  readonly pems: readonly string[]
}

/** What stands for a key among the records of a name: `own`, its `3 1 1`; `other`, records of other kinds; null: nothing does. */
export function fitting({ spki, pems }: KeyUse, owner: string, records: readonly TlsaRecord[]): 'own' | 'other' | null {
  const own = tlsaText(recordOf(spki))
  if (records.some((record) => tlsaText(record) === own)) return 'own'
  const isFit = pems.length > 0 && pems.every((pem) => records.some((record) => fits(pem, owner, record)))
  return isFit ? 'other' : null
}

/** Whether a record of usage 2, an issuer's, stands for this certificate: then its operator has chosen to publish no keys. */
export function hasIssuerRecord(pem: string, owner: string, records: readonly TlsaRecord[]): boolean {
  return records.some((record) => record.usage === 2 && fits(pem, owner, record))
}

/** RFC 7672 §3.1: usage 3 is the leaf, usage 2 an issuer that is sent with it, whose leaf has to have the name. Senders use no other. */
function fits(pem: string, owner: string, record: TlsaRecord): boolean {
  const [leaf, ...chain] = certificatesIn(pem)
  if (leaf === undefined) return false
  if (record.usage === 3) return dataOf(leaf, record) === record.data
  if (record.usage !== 2 || leaf.checkHost(hostOf(owner)) === undefined) return false
  return chain.some((certificate) => dataOf(certificate, record) === record.data)
}

/** What a record of this selector and matching type would hold; null: no such type is known. */
function dataOf(certificate: X509Certificate, { selector, matchingType }: TlsaRecord): string | null {
  if (selector !== 0 && selector !== 1) return null
  const bytes = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' })
  if (matchingType === 0) return bytes.toString('hex')
  if (matchingType === 1) return createHash('sha256').update(bytes).digest('hex')
  return matchingType === 2 ? createHash('sha512').update(bytes).digest('hex') : null
}

/** None where it cannot be read: it fits nothing. */
function certificatesIn(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return []
  }
}

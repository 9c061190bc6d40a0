import { createHash } from 'node:crypto'
import type { TlsaRecord } from '../dns/record.ts'
import type { Certificate, Material } from '../material/material.ts'

/** Whether one of the records stands for the new pair: RFC 7671, by its usage the leaf or an issuer in the chain. */
export function matchesTlsa(material: Pick<Material, 'leaf' | 'chain'>, records: readonly TlsaRecord[]): boolean {
  return records.some((record) =>
    candidatesFor(material, record.usage).some((certificate) => dataOf(certificate, record) === record.data),
  )
}

/** The record that stands for the new key, ready to paste: it outlives every renewal that keeps the key. */
export function tlsaToPublish({ leaf }: Material, name: string, port: number): string {
  return `_${port}._tcp.${name}. IN TLSA 3 1 1 ${leaf.spkiSha256}`
}

/** PKIX-TA (0) and DANE-TA (2) name an issuer, PKIX-EE (1) and DANE-EE (3) the leaf; no other usage is known. */
function candidatesFor({ leaf, chain }: Pick<Material, 'leaf' | 'chain'>, usage: number): readonly Certificate[] {
  if (usage === 1 || usage === 3) return [leaf]
  return usage === 0 || usage === 2 ? chain : []
}

/** What a record of this selector and matching type would hold; null: no such type is known. */
function dataOf({ der, spki }: Certificate, { selector, matchingType }: TlsaRecord): string | null {
  if (selector !== 0 && selector !== 1) return null
  const bytes = selector === 0 ? der : spki
  if (matchingType === 0) return Buffer.from(bytes).toString('hex')
  if (matchingType === 1) return createHash('sha256').update(bytes).digest('hex')
  return matchingType === 2 ? createHash('sha512').update(bytes).digest('hex') : null
}

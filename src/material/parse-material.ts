import { X509Certificate } from 'node:crypto'
import { WaxsealError } from '../error/waxseal-error.ts'
import { handshakeWith } from '../host/handshake.ts'
import type { Certificate, Material } from './material.ts'
import { parseCertificates } from './parse-certificate.ts'
import { parsePrivateKey } from './parse-key.ts'

/** A pair as it came. */
export interface RawMaterial {
  /** Leaf first; its chain may follow. */
  readonly certificatePem: string
  readonly chainPem?: string
  readonly keyPem: string
  readonly now: Date
}

/**
 * A pair that may be deployed: readable, leaf first, key of the leaf, chain in order and signed, in date, named, and good
 * for a TLS handshake. MATERIAL_INVALID, KEY_MISMATCH, CHAIN_BROKEN or CERTIFICATE_EXPIRED says what it is not.
 */
export async function parseMaterial(raw: RawMaterial): Promise<Material> {
  const chainGiven = raw.chainPem === undefined || raw.chainPem.trim() === '' ? [] : parseCertificates(raw.chainPem)
  const [leaf, ...chain] = [...parseCertificates(raw.certificatePem), ...chainGiven]
  if (leaf === undefined) throw new WaxsealError('MATERIAL_INVALID', { what: 'certificate', reason: 'it is empty' })
  const key = parsePrivateKey(raw.keyPem)
  refuseWrongOrder(leaf, chain)
  if (key.spkiSha256 !== leaf.spkiSha256) {
    throw new WaxsealError('KEY_MISMATCH', { certificateKey: leaf.spkiSha256, privateKey: key.spkiSha256 })
  }
  for (const certificate of [leaf, ...chain]) refuseOutOfDate(certificate, raw.now)
  if (leaf.names.length === 0)
    throw new WaxsealError('MATERIAL_INVALID', { what: 'certificate', reason: 'it has no name' })
  const material = { leaf, chain, keyPem: key.keyPem }
  await refuseWithoutHandshake(material)
  return material
}

/** Each certificate must be issued and signed by the one after it (RFC 8446 §4.4.2). */
function refuseWrongOrder(leaf: Certificate, chain: readonly Certificate[]): void {
  if (leaf.isCa && chain.some((certificate) => !certificate.isCa)) {
    throw new WaxsealError('CHAIN_BROKEN', { reason: 'the leaf is not the first certificate', first: leaf.subject })
  }
  let subject = leaf
  for (const [index, issuer] of chain.entries()) {
    const child = new X509Certificate(subject.pem)
    const parent = new X509Certificate(issuer.pem)
    if (!child.checkIssued(parent) || !child.verify(parent.publicKey)) {
      const reason = `certificate ${index + 1} is not signed by certificate ${index + 2}`
      throw new WaxsealError('CHAIN_BROKEN', { reason, subject: subject.subject, next: issuer.subject })
    }
    subject = issuer
  }
}

function refuseOutOfDate({ subject, notBefore, notAfter }: Certificate, now: Date): void {
  if (now >= new Date(notBefore) && now <= new Date(notAfter)) return
  throw new WaxsealError('CERTIFICATE_EXPIRED', { subject, notBefore, notAfter, now: now.toISOString() })
}

async function refuseWithoutHandshake({ leaf, chain, keyPem }: Material): Promise<void> {
  const certificatePem = [leaf, ...chain].map((certificate) => certificate.pem).join('')
  const reason = await handshakeWith({ certificatePem, keyPem }).then(
    (seen) => (seen === leaf.sha256 ? null : 'a TLS handshake showed another leaf'),
    (error: Error) => `a TLS handshake with it fails: ${error.message.slice(0, 200)}`,
  )
  if (reason !== null) throw new WaxsealError('MATERIAL_INVALID', { what: 'pair', reason })
}

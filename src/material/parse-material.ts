import { WaxsealError } from '../error/waxseal-error.ts'
import { handshakeWith } from '../host/socket/handshake.ts'
import { type Arranged, arrangeChain, isSelfSigned } from './arrange-chain.ts'
import { findUnfit } from './find-unfit.ts'
import type { Certificate, Material } from './material.ts'
import { parseCertificates } from './parse-certificate.ts'
import { findPrivateKey } from './parse-key.ts'

/** Certificates as they came. */
export interface RawCertificates {
  /** The leaf; its chain may be in it, too. */
  readonly certificatePem: string
  readonly chainPem?: string
}

/** A pair as it came. */
export interface RawMaterial extends RawCertificates {
  /** May hold other keys and certificates, too. */
  readonly keyPem: string
  readonly now: Date
  /** What becomes of a certificate that clients refuse for what it is; left out: refused. */
  readonly unfit?: 'refuse' | 'warn'
}

/**
 * A pair that may be deployed: readable, key of the leaf, chain complete and signed, in date, named, fit for a server, and
 * good for a TLS handshake. MATERIAL_INVALID, KEY_MISMATCH, CHAIN_BROKEN, CERTIFICATE_EXPIRED or CERTIFICATE_UNFIT says what it is not.
 */
export async function parseMaterial(raw: RawMaterial): Promise<Material> {
  const { leaf, chain, isReordered } = parseChain(raw)
  const key = findPrivateKey(raw.keyPem, leaf.spkiSha256)
  if (key.spkiSha256 !== leaf.spkiSha256) {
    const hint = 'Take both from one renewal: fullchain.pem and privkey.pem of one folder of the ACME client.'
    throw new WaxsealError('KEY_MISMATCH', { certificateKey: leaf.spkiSha256, privateKey: key.spkiSha256, hint })
  }
  for (const [index, certificate] of [leaf, ...chain].entries()) refuseOutOfDate(certificate, index, raw.now)
  if (leaf.names.length === 0)
    throw new WaxsealError('MATERIAL_INVALID', { what: 'certificate', reason: 'it has no name' })
  const remarks = [
    ...(isReordered
      ? ['The chain was out of order: it is deployed sorted, each certificate behind one that it has issued.']
      : []),
    ...refuseUnfit(leaf, chain, raw.unfit ?? 'refuse'),
  ]
  const material = { leaf, chain, keyPem: key.keyPem, remarks }
  await refuseWithoutHandshake(material)
  return material
}

/** The leaf and its chain, before any key is looked for. MATERIAL_INVALID or CHAIN_BROKEN. */
export function parseChain({ certificatePem, chainPem = '' }: RawCertificates): Arranged {
  const chain = chainPem.trim() === '' ? [] : parseCertificates(chainPem, 'chain')
  return arrangeChain([...parseCertificates(certificatePem), ...chain])
}

function refuseOutOfDate(certificate: Certificate, index: number, now: Date): void {
  const { subject, notBefore, notAfter } = certificate
  if (now >= new Date(notBefore) && now <= new Date(notAfter)) return
  const problem = now < new Date(notBefore) ? 'is not valid yet' : 'has expired'
  const inChain = isSelfSigned(certificate) ? 'the root in the chain' : 'an intermediate in the chain'
  throw new WaxsealError('CERTIFICATE_EXPIRED', {
    reason: `${index === 0 ? 'the leaf' : `${inChain} (certificate ${index + 1})`} ${problem}`,
    subject,
    notBefore,
    notAfter,
    now: now.toISOString(),
    ...(index === 0 ? {} : { hint: 'The leaf itself is valid: get its chain again from the CA.' }),
  })
}

/** What is unfit and allowed becomes a remark. */
function refuseUnfit(leaf: Certificate, chain: readonly Certificate[], mode: 'refuse' | 'warn'): readonly string[] {
  const { faults, remarks } = findUnfit(leaf, chain)
  if (faults.length === 0 || mode === 'warn') return [...faults, ...remarks]
  throw new WaxsealError('CERTIFICATE_UNFIT', {
    reasons: faults,
    hint: 'Ask the CA for a certificate for TLS servers.',
    setting: 'policy.unfit',
  })
}

/** OpenSSL's text names its source files; its code can be searched for. */
async function refuseWithoutHandshake({ leaf, chain, keyPem }: Material): Promise<void> {
  const certificatePem = [leaf, ...chain].map((certificate) => certificate.pem).join('')
  const failure = await handshakeWith({ certificatePem, keyPem }).then(
    (seen) => (seen === leaf.sha256 ? null : { reason: 'a TLS handshake showed another leaf' }),
    ({ code }: Error & { readonly code?: string }) => ({
      reason: 'a TLS handshake with it fails: the TLS library of this host does not take it',
      ...(code === undefined ? {} : { cause: code }),
    }),
  )
  if (failure !== null) throw new WaxsealError('MATERIAL_INVALID', { what: 'pair', ...failure })
}

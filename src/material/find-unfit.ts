import { createPublicKey } from 'node:crypto'
import { isSelfSigned } from './arrange-chain.ts'
import type { Certificate } from './material.ts'
import { keyUsageBits, readUsage, type Usage } from './read-usage.ts'

/** Why clients would refuse what a server sends. */
export interface Unfitness {
  /** What most clients, or all, refuse: a sentence each. */
  readonly faults: readonly string[]
  /** What some clients refuse, and many hosts serve all the same. */
  readonly remarks: readonly string[]
}

/** What is wrong with a leaf and its chain for TLS servers, beside order, dates and names. */
export function findUnfit(leaf: Certificate, chain: readonly Certificate[]): Unfitness {
  const found = [inspectLeaf(leaf), ...chain.map((certificate, index) => inspectIssuer(certificate, index + 2))]
  return { faults: found.flatMap(({ faults }) => faults), remarks: found.flatMap(({ remarks }) => remarks) }
}

const serverAuth = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']
const purposeNames: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
}

const unreadable = 'is no strict DER: clients that are strict refuse it'

function inspectLeaf(leaf: Certificate): Unfitness {
  const usage = readUsage(leaf.der)
  if (usage === null) return { faults: [`The leaf ${unreadable}.`], remarks: [] }
  const asCa = leaf.isCa ? "is a CA's certificate (CA:TRUE)" : null
  const asOld = usage.version < 3 ? `is a certificate of version ${usage.version}, without extensions` : null
  // What openssl req -x509 and the howtos make, and many hosts serve.
  const isHomeMade = isSelfSigned(leaf) && leaf.names.some(isHostName)
  const odd = [asCa, asOld].filter((fault) => fault !== null)
  const faults = [
    ...(isHomeMade ? [] : odd.map((fault) => `${fault}, and no server's`)),
    ...purposeFault(usage),
    ...keyUsageFault(usage, leaf),
    ...keyFault(leaf),
    ...commonFaults(usage),
  ]
  return {
    faults: faults.map((fault) => `The leaf ${fault}.`),
    remarks: isHomeMade ? odd.map((fault) => `The self-signed leaf ${fault}: some clients refuse that.`) : [],
  }
}

/** A root at the end is known to a client or not: what it says of itself counts for nothing. */
function inspectIssuer(certificate: Certificate, position: number): Unfitness {
  if (isSelfSigned(certificate)) return { faults: [], remarks: [] }
  const usage = readUsage(certificate.der)
  const which = `Certificate ${position} of the chain (${certificate.subject})`
  if (usage === null) return { faults: [`${which} ${unreadable}.`], remarks: [] }
  const curve = unusualCurve(certificate)
  const faults = [
    ...(certificate.isCa ? [] : ["is no CA's certificate: what it has issued is not valid"]),
    ...purposeFault(usage),
    ...shortKeyFault(certificate),
    ...commonFaults(usage),
  ]
  return {
    faults: faults.map((fault) => `${which} ${fault}.`),
    remarks:
      curve === null
        ? []
        : [`${which} has a key on the curve ${curve}, which browsers and most mail clients do not know.`],
  }
}

function isHostName(name: string): boolean {
  return /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(name) || /^[0-9a-f:.]+$/i.test(name)
}

function purposeFault({ purposes }: Usage): readonly string[] {
  if (purposes === null || purposes.some((purpose) => serverAuth.includes(purpose))) return []
  const named = purposes.map((purpose) => purposeNames[purpose] ?? purpose).slice(0, 10)
  return [`is not for TLS servers: its extendedKeyUsage has ${named.join(', ') || 'nothing'}, and not serverAuth`]
}

/** TLS servers sign; with RSA, clients before TLS 1.3 may encipher to them (RFC 5246 §7.4.2). */
function keyUsageFault({ keyUsage }: Usage, { keyType }: Certificate): readonly string[] {
  if (keyUsage === null) return []
  const { digitalSignature, keyEncipherment, keyAgreement } = keyUsageBits
  const wanted = keyType === 'rsa' ? digitalSignature | keyEncipherment | keyAgreement : digitalSignature
  if ((keyUsage & wanted) !== 0) return []
  return [`may not be used in a handshake: its keyUsage lacks digitalSignature`]
}

function commonFaults({ brokenDigest, hasExtensionTwice }: Usage): readonly string[] {
  return [
    ...(brokenDigest === null ? [] : [`is signed with ${brokenDigest}, which clients and daemons refuse`]),
    ...(hasExtensionTwice ? ['has an extension twice'] : []),
  ]
}

const usualCurves = ['prime256v1', 'secp384r1', 'secp521r1']

function keyFault(leaf: Certificate): readonly string[] {
  const curve = unusualCurve(leaf)
  if (curve !== null) return [`has a key on the curve ${curve}, which clients do not offer`]
  if (leaf.keyType === 'other') return ['has a key of a kind that TLS servers do not use']
  const bits = detailsOf(leaf).modulusLength ?? 2048
  if (bits > 8192) return [`has an RSA key of ${bits} bits: clients take 8192 at most`]
  return shortKeyFault(leaf)
}

function shortKeyFault(certificate: Certificate): readonly string[] {
  const bits = detailsOf(certificate).modulusLength ?? 2048
  return bits < 2048 ? [`has an RSA key of ${bits} bits, which is too short`] : []
}

/** Null: it is a usual one, or the key has none. */
function unusualCurve(certificate: Certificate): string | null {
  if (certificate.keyType !== 'ecdsa') return null
  const { namedCurve = 'of its own parameters' } = detailsOf(certificate)
  return usualCurves.includes(namedCurve) ? null : namedCurve
}

function detailsOf({ spki }: Certificate): { readonly modulusLength?: number; readonly namedCurve?: string } {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).asymmetricKeyDetails ?? {}
}

import type { KeyType } from '../plan/plan.ts'

/** One parsed X.509 certificate. */
export interface Certificate {
  /** One PEM block, LF line ends, final LF. */
  readonly pem: string
  readonly der: Uint8Array
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  readonly subject: string
  readonly issuer: string
  /** Hex. */
  readonly serial: string
  /** The DNS, IP and e-mail names of subjectAltName; the common name where there are none. */
  readonly names: readonly string[]
  /** RFC 3339, UTC. */
  readonly notBefore: string
  readonly notAfter: string
  /** SHA-256 of the DER, lower-case hex. */
  readonly sha256: string
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string
  readonly keyType: KeyType | 'other'
  readonly isCa: boolean
}

/** A pair that was checked: the key matches the leaf, the chain is complete, a handshake with it succeeded. */
export interface Material {
  readonly leaf: Certificate
  /** Leaf excluded; each has issued one before it; may be empty. */
  readonly chain: readonly Certificate[]
  /** PKCS#8 PEM. A secret (law 4). */
  readonly keyPem: string
  /** What was set right, or is allowed and odd: a sentence each, for the warnings. */
  readonly remarks?: readonly string[]
}

import { limits } from '../limit/limits.ts'

/** Which certificate is where; the same one at two paths is two. */
export interface Place {
  /** SHA-256 of its DER, lower-case hex. */
  readonly sha256: string
  readonly path: string
}

/** A certificate in a folder of `discovery.folders`. Of the file that it was in, nothing else is here. */
export interface FoundCertificate extends Place {
  readonly format: 'PEM' | 'DER'
  readonly pem: string
  /** Empty: it has none. */
  readonly commonName: string
  readonly sans: readonly string[]
  /** Hex. */
  readonly serial: string
  readonly issuer: string
  readonly subject: string
  /** RFC 3339, UTC. */
  readonly notBefore: string
  readonly notAfter: string
  /** `RSA`, `ECDSA`, `Ed25519`; any other in OpenSSL's word. */
  readonly keyAlgorithm: string
  /** In bits; 0: it is not known. */
  readonly keySize: number
  readonly isCa: boolean
}

/** What a search of the folders came to, against what was told of it already. */
export interface Discovery {
  /** The folders that are searched; none: there is no discovery on this host. */
  readonly folders: readonly string[]
  /** What was not told yet, or long ago: a page of it. */
  readonly certificates: readonly FoundCertificate[]
  /** There are more of them: they come when these were told. */
  readonly isMore: boolean
  /** What was told and is there no more. */
  readonly gone: readonly Place[]
  /** What could not be looked at, a sentence each. */
  readonly errors: readonly string[]
  readonly ms: number
}

const text = { type: 'string', maxLength: 2048 } as const
const path = { type: 'string', minLength: 1, maxLength: limits.searchedPath.most } as const
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
const number = { type: 'integer', minimum: 0 } as const

function closed(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', additionalProperties: false, required: Object.keys(properties), properties }
}

/** JSON schema of places. */
export const placesSchema = { type: 'array', maxItems: 1000, items: closed({ sha256, path }) } as const

/** JSON schema of a digest that says whom it was told to. */
export const listenerSchema = sha256

/** JSON schema of a discovery. */
export const discoverySchema = closed({
  folders: { type: 'array', maxItems: limits.searchedFolders.most, items: { ...text, maxLength: 4096 } },
  certificates: {
    type: 'array',
    maxItems: 1000,
    items: closed({
      sha256,
      path,
      format: { enum: ['PEM', 'DER'] },
      pem: { type: 'string', maxLength: 2 * limits.searchedCertificate.most },
      commonName: text,
      sans: { type: 'array', maxItems: limits.namesPerCertificate.most, items: text },
      serial: text,
      issuer: text,
      subject: text,
      notBefore: text,
      notAfter: text,
      keyAlgorithm: text,
      keySize: number,
      isCa: { type: 'boolean' },
    }),
  },
  isMore: { type: 'boolean' },
  gone: placesSchema,
  errors: { type: 'array', maxItems: 100, items: text },
  ms: number,
})

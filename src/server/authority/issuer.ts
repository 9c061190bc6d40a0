import { asWaxsealError, describeError, WaxsealError } from '../../error/waxseal-error.ts'
import type { Authority } from './authority.ts'
import { readVersion } from './read-version.ts'

/** What an issuer is to sign. */
export interface SigningRequest {
  readonly csrPem: string
  /** All names of the certificate: those of the CSR have been compared with them. */
  readonly names: readonly string[]
  readonly validityDays: number
  /** Milliseconds since 1970, UTC. */
  readonly at: number
}

/** Who signs certificates. */
export interface Issuer {
  /** As it stands in a certificate's list of issuers, and at each version. */
  readonly name: string
  /** A certificate (PEM, leaf and chain). It fails with any error: another issuer, or a later try, may do it. */
  sign(request: SigningRequest): Promise<string>
}

/** The bundled CA, `local`. */
export function localIssuer({ sign }: Pick<Authority, 'sign'>): Issuer {
  return {
    name: 'local',
    sign: ({ csrPem, names, validityDays, at }) => sign(csrPem, names, validityDays, at),
  }
}

/** A certificate and who signed it. */
export interface Signed {
  readonly pem: string
  readonly issuer: string
}

/** Asks these issuers in this order, or all in theirs, until one signs. ISSUER_FAILED: none did; the details say what each one said. */
export async function signInOrder(
  issuers: readonly Issuer[],
  order: readonly string[],
  request: SigningRequest,
): Promise<Signed> {
  const reasons: string[] = []
  for (const name of order.length === 0 ? issuers.map((issuer) => issuer.name) : order) {
    const issuer = issuers.find((one) => one.name === name)
    try {
      if (issuer !== undefined) return { pem: await readableFrom(issuer, request), issuer: name }
      reasons.push(`${name}: this server has no issuer of this name`)
    } catch (error) {
      reasons.push(`${name}: ${describeError(asWaxsealError(error))}`)
    }
  }
  throw new WaxsealError('ISSUER_FAILED', { reasons })
}

/** What an issuer signed, if it is a certificate: what can be kept by nobody would be signed again for ever. */
async function readableFrom(issuer: Issuer, request: SigningRequest): Promise<string> {
  const pem = await issuer.sign(request)
  readVersion(pem)
  return pem
}

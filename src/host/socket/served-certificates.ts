import {
  createSecureContext,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'

function lookOptions(): { readonly ca: string[]; readonly ecdhCurve: string } {
  curves ??= offeredCurves()
  return { ca: [], ecdhCurve: curves }
}

/** By what they take: a look at each of fifty names needs the same one, again and again. */
const contexts = new Map<string, SecureContext>()

/**
 * What a look begins with: the signatures that it takes (null: any), and PEM roots. No session is kept in it: each look has a whole
 * handshake.
 */
export function contextOf(sigalgs: string | null, roots?: readonly string[]): SecureContext {
  const known = roots === undefined ? contexts.get(sigalgs ?? '') : undefined
  if (known !== undefined) return known
  const { ca, ecdhCurve } = lookOptions()
  const taken = sigalgs === null ? {} : { sigalgs }
  const context = createSecureContext({
    ca: roots === undefined ? ca : [...roots],
    ecdhCurve,
    minVersion: 'TLSv1.2',
    ...taken,
  })
  if (roots === undefined) contexts.set(sigalgs ?? '', context)
  return context
}

/**
 * Node's own check of the name, which comes where the roots vouch for a chain, finds nothing to read. It reads the certificates by
 * `getPeerCertificate()`, and that ends the process (SIGSEGV, Node 24.21) on an EC key whose curve has no NIST name, or on a key that
 * OpenSSL does not know, be it the leaf's or an issuer's.
 */
export function withoutNameCheck(tls: TLSSocket): void {
  tls.getPeerCertificate = () => noCertificate
}

const noCertificate = {} as PeerCertificate & DetailedPeerCertificate

/** No server sends more; the walk ends there. */
const mostCertificates = 100

/** What a server sent, DER, leaf first, in its order. Empty: nothing. Reads bytes alone, whatever is in them. */
export function servedCertificates(tls: TLSSocket): readonly Uint8Array[] {
  const certificates: Uint8Array[] = []
  let certificate = tls.getPeerX509Certificate()
  while (certificate !== undefined && certificates.length < mostCertificates) {
    certificates.push(certificate.raw)
    certificate = certificate.issuerCertificate
  }
  return certificates
}

let curves: string | undefined

/** Clients do not offer these curves by themselves, and a server whose key is on one shows its leaf to no other client. */
function offeredCurves(): string {
  const wanted = 'DEFAULT:?brainpoolP256r1:?brainpoolP384r1:?brainpoolP512r1:?secp256k1:?secp224r1'
  try {
    createSecureContext({ ecdhCurve: wanted })
    return wanted
  } catch {
    // OpenSSL before 3.5 knows neither the word nor the question mark.
    return 'auto'
  }
}

import { readPem } from './read-pem.ts'
import { type DerKind, recogniseDer } from './recognise-der.ts'

/** What of certificate material a file holds. `beside`: what is kept with it, and never served: parameters, requests, CRLs, public keys. */
export type MaterialKind = 'certificate' | 'key' | 'store' | 'beside'

/** By the label of a PEM block (RFC 7468 and OpenSSL's own). One of another label makes a file no certificate material: SSH's and PGP's, too. */
const byLabel: Readonly<Record<string, MaterialKind>> = {
  CERTIFICATE: 'certificate',
  'X509 CERTIFICATE': 'certificate',
  'TRUSTED CERTIFICATE': 'certificate',
  PKCS7: 'certificate',
  CMS: 'certificate',
  'PRIVATE KEY': 'key',
  'RSA PRIVATE KEY': 'key',
  'EC PRIVATE KEY': 'key',
  'DSA PRIVATE KEY': 'key',
  'ENCRYPTED PRIVATE KEY': 'key',
  'DH PARAMETERS': 'beside',
  'EC PARAMETERS': 'beside',
  'DSA PARAMETERS': 'beside',
  'CERTIFICATE REQUEST': 'beside',
  'NEW CERTIFICATE REQUEST': 'beside',
  'X509 CRL': 'beside',
  'PUBLIC KEY': 'beside',
  'RSA PUBLIC KEY': 'beside',
  'OCSP RESPONSE': 'beside',
  SCT: 'beside',
}

const byDer: Readonly<Record<DerKind, MaterialKind>> = {
  certificate: 'certificate',
  pkcs7: 'certificate',
  'private key': 'key',
  'encrypted key': 'key',
  pkcs12: 'store',
  request: 'beside',
  'revocation list': 'beside',
  'public key': 'beside',
}

/**
 * The kinds of certificate material that a file consists of; none: it is something else, be it with a certificate in it, as a script or
 * the settings of a daemon may have one.
 */
export function kindsIn(bytes: Uint8Array): ReadonlySet<MaterialKind> {
  // The one label with a full stop.
  const text = Buffer.from(bytes).toString('latin1').replaceAll('X9.42 DH PARAMETERS', 'DH PARAMETERS')
  if (text.startsWith('\xfe\xed\xfe\xed')) return new Set(['store'])
  const der = recogniseDer(bytes)
  if (der !== null) return new Set([byDer[der]])
  const { blocks, torn } = readPem(text)
  const kinds = blocks.map(({ label, der: inside }) => (inside === null ? undefined : byLabel[label]))
  if (torn.length > 0 || kinds.includes(undefined) || !linesAround(text).every(isRemark)) return new Set()
  return new Set(kinds.filter((kind) => kind !== undefined))
}

function linesAround(text: string): readonly string[] {
  const parts = text.split(/-----(?:BEGIN|END) [A-Z0-9][A-Z0-9 ]{0,62}-----/)
  return parts.filter((_, index) => index % 2 === 0).flatMap((part) => part.split(/\r\n|\r|\n/))
}

/** What OpenSSL prints of a certificate or a bag, and headings such as those of a list of roots. */
const remarks = [
  /^\s*$/,
  /^#(?!!)/,
  /^\s+\S/,
  /^(?:Bag|Key) Attributes/,
  /^(?:subject|issuer)\s*=/,
  /^(?:Certificate(?: Request)?|(?:[A-Z]+ )?(?:Private|Public)-Key|[A-Z0-9# -]*Parameters|ASN1 OID|NIST CURVE):/,
  /^(?:priv|pub|modulus|(?:public|private)Exponent|prime[12]?|exponent[12]|coefficient|generator|[A-Z]):/,
  /^[A-Za-z0-9][A-Za-z0-9 .,()'&/_-]*$/,
  /^[=~*-]{2,}$/,
] as const

function isRemark(line: string): boolean {
  return line.length <= 4096 && remarks.some((remark) => remark.test(line.replace(/^\xef\xbb\xbf/, '')))
}

import * as x509 from '@peculiar/x509'
import { WaxsealError } from '../../error/waxseal-error.ts'

/** NIST SP 800-57; what is longer costs each handshake of a client more than it is worth. */
const rsaBits = { least: 2048, most: 8192 } as const
/** Of a CSR beyond those that were asked for, which may stand in it twice: reading more would keep others waiting. */
const mostOtherNames = 100

/** A CSR with a key that can be used, whose names, common name and SANs together, are just these: JOB_MALFORMED otherwise. */
export async function readCsrFor(pem: string, names: readonly string[]): Promise<x509.Pkcs10CertificateRequest> {
  const csr = await readStrongCsr(pem)
  if (isSameSet(namesOf(csr, 2 * names.length + mostOtherNames), names.map(spelling).map(folded))) return csr
  throw new WaxsealError('JOB_MALFORMED', { reason: 'the names of the CSR are not those that were asked for' })
}

/** A CSR with a key that can be used, whatever its names are: JOB_MALFORMED otherwise. */
export async function readStrongCsr(pem: string): Promise<x509.Pkcs10CertificateRequest> {
  const csr = await readCsr(pem)
  requireStrongKey(csr)
  return csr
}

async function readCsr(pem: string): Promise<x509.Pkcs10CertificateRequest> {
  try {
    const csr = new x509.Pkcs10CertificateRequest(pem)
    if (await csr.verify()) return csr
  } catch {
    throw new WaxsealError('JOB_MALFORMED', { reason: 'the CSR cannot be read' })
  }
  throw new WaxsealError('JOB_MALFORMED', { reason: 'the signature of the CSR is wrong' })
}

/** Clients refuse what is signed for a shorter key of RSA, and anybody may find the key of a very short one. */
function requireStrongKey({ publicKey }: x509.Pkcs10CertificateRequest): void {
  const { modulusLength: bits = rsaBits.least } = publicKey.algorithm as { readonly modulusLength?: number }
  if (bits >= rsaBits.least && bits <= rsaBits.most) return
  const reason = 'the key of the CSR is of RSA and has not 2048 to 8192 bits; make another'
  throw new WaxsealError('JOB_MALFORMED', { reason, bits })
}

/** The Go agent's CSR has a common name that no SAN repeats, and an address as a DNS name. */
function namesOf(csr: x509.Pkcs10CertificateRequest, most: number): readonly string[] {
  const extension = csr.extensions.find((one) => one.type === '2.5.29.17')
  const sans = extension === undefined ? [] : new x509.SubjectAlternativeNameExtension(extension.rawData).names.items
  const names = [...csr.subjectName.getField('CN'), ...sans.map(({ value }) => value)]
  if (names.length > most) throw new WaxsealError('JOB_MALFORMED', { reason: 'the CSR has too many names' })
  return names.filter((name) => name !== '').map((name) => folded(spelling(name)))
}

/** DNS names are the same in any case (RFC 4343). */
function folded(name: string): string {
  return name.toLowerCase()
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.every((name) => others.includes(name)) && others.every((name) => some.includes(name))
}

/** A name as it is read back from a certificate: `2001:DB8:0::1` is `2001:db8::1`. A DNS name is as it was, and costs nothing. */
function spelling(name: string): string {
  if (/^[a-z*_][\w.*-]*$/i.test(name)) return name
  const { rawData } = new x509.SubjectAlternativeNameExtension([generalName(name)])
  return new x509.SubjectAlternativeNameExtension(rawData).names.items[0]?.value ?? name
}

/** A name in its own kind: DNS, address or mailbox. */
export function generalName(value: string): { readonly type: 'dns' | 'ip' | 'email'; readonly value: string } {
  if (/^[\d.]+$|:/.test(value)) return { type: 'ip', value }
  return { type: value.includes('@') ? 'email' : 'dns', value }
}

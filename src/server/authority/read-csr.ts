import * as x509 from '@peculiar/x509'
import { WaxsealError } from '../../error/waxseal-error.ts'

/** A CSR whose names, common name and SANs together, are just these: JOB_MALFORMED otherwise. */
export async function readCsrFor(pem: string, names: readonly string[]): Promise<x509.Pkcs10CertificateRequest> {
  const csr = await readCsr(pem)
  if (isSameSet(namesOf(csr), names.map(spelling).map(folded))) return csr
  throw new WaxsealError('JOB_MALFORMED', { reason: 'the names of the CSR are not those that were asked for' })
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

/** The Go agent's CSR has a common name that no SAN repeats, and an address as a DNS name. */
function namesOf(csr: x509.Pkcs10CertificateRequest): readonly string[] {
  const extension = csr.extensions.find((one) => one.type === '2.5.29.17')
  const sans = extension === undefined ? [] : new x509.SubjectAlternativeNameExtension(extension.rawData).names.items
  const names = [...csr.subjectName.getField('CN'), ...sans.map(({ value }) => value)]
  return names.filter((name) => name !== '').map((name) => folded(spelling(name)))
}

/** DNS names are the same in any case (RFC 4343). */
function folded(name: string): string {
  return name.toLowerCase()
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.every((name) => others.includes(name)) && others.every((name) => some.includes(name))
}

/** A name as it is read back from a certificate: `2001:DB8:0::1` is `2001:db8::1`. */
function spelling(name: string): string {
  const { rawData } = new x509.SubjectAlternativeNameExtension([generalName(name)])
  return new x509.SubjectAlternativeNameExtension(rawData).names.items[0]?.value ?? name
}

/** A name in its own kind: DNS, address or mailbox. */
export function generalName(value: string): { readonly type: 'dns' | 'ip' | 'email'; readonly value: string } {
  if (/^[\d.]+$|:/.test(value)) return { type: 'ip', value }
  return { type: value.includes('@') ? 'email' : 'dns', value }
}

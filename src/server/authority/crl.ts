import * as x509 from '@peculiar/x509'
import type { VersionRow } from '../store/rows.ts'
import { algorithm, type Root } from './roots.ts'

/** Good for so long; a new one is made every day, and at each revocation. */
const goodForMs = 7 * 86_400_000
/** cRLNumber (RFC 5280, 5.2.3). */
const numberId = '2.5.29.20'

/** A list of what a CA has revoked (RFC 5280), in DER. `number`: a later list has a higher one. */
export async function signCrl(
  root: Root,
  revoked: readonly Pick<VersionRow, 'serial' | 'revokedAt'>[],
  number: number,
  at: number,
): Promise<Buffer> {
  const crl = await x509.X509CrlGenerator.create({
    issuer: root.certificate.subject,
    thisUpdate: new Date(at),
    nextUpdate: new Date(at + goodForMs),
    entries: revoked.map(({ serial, revokedAt }) => ({
      serialNumber: serial,
      revocationDate: new Date(revokedAt ?? at),
    })),
    extensions: [
      await x509.AuthorityKeyIdentifierExtension.create(root.certificate.publicKey),
      new x509.Extension(numberId, false, derOf(number)),
    ],
    signingKey: root.privateKey,
    signingAlgorithm: algorithm,
  })
  return Buffer.from(crl.rawData)
}

/** A whole number, not negative, as an INTEGER of DER. */
function derOf(number: number): Buffer<ArrayBuffer> {
  const hex = number.toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  const bytes = Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex')
  return Buffer.concat([Buffer.from([2, bytes.length]), bytes])
}

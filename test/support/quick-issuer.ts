import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Issuer } from '../../src/server/issuer/issuer.ts'

const dayMs = 86_400_000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const [drawnFrom, drawnTo] = [new Date('2031-01-02T03:04:05Z'), new Date('2032-02-03T04:05:06Z')]

/**
 * Certificates at a tenth of a millisecond each: one is signed, and the others are its bytes with another serial and other times.
 * Their signatures are wrong; all else can be read. `isDown`: it fails.
 */
export async function quickIssuer(name: string, isDown: (at: number) => boolean): Promise<Issuer> {
  const serial = '5a'.repeat(16)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    name: 'CN=quick',
    notBefore: drawnFrom,
    notAfter: drawnTo,
    keys: await globalThis.crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']),
    signingAlgorithm: algorithm,
  })
  const drawn = Buffer.from(certificate.rawData)
  const places = {
    serial: drawn.indexOf(serial, 'hex'),
    from: drawn.indexOf(utcTime(drawnFrom.getTime())),
    to: drawn.indexOf(utcTime(drawnTo.getTime())),
  }
  return {
    name,
    sign: async ({ validityDays, at }) => {
      if (isDown(at)) throw new Error(`${name} is down`)
      const der = Buffer.from(drawn)
      der.set(randomBytes(15), places.serial + 1)
      der.write(utcTime(at - 60_000), places.from)
      der.write(utcTime(at + validityDays * dayMs), places.to)
      return { state: 'signed', pem: x509.PemConverter.encode(der, 'CERTIFICATE') }
    },
  }
}

/** As it stands in DER: `YYMMDDHHMMSSZ`. */
function utcTime(at: number): string {
  return `${new Date(at).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`
}

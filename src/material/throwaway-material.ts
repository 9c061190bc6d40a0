import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto'
import type { Material } from './material.ts'
import { parseMaterial } from './parse-material.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const hourMs = 3_600_000

/** A pair for this name that nobody is ever served, to plan with: self-signed, and over in an hour. */
export async function throwawayMaterial(name: string, now: Date): Promise<Material> {
  await import('reflect-metadata')
  const { SubjectAlternativeNameExtension, X509CertificateGenerator } = await import('@peculiar/x509')
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyPem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { subtle } = webcrypto
  const keys = {
    privateKey: await subtle.importKey(
      'pkcs8',
      pair.privateKey.export({ type: 'pkcs8', format: 'der' }),
      algorithm,
      true,
      ['sign'],
    ),
    publicKey: await subtle.importKey('spki', pair.publicKey.export({ type: 'spki', format: 'der' }), algorithm, true, [
      'verify',
    ]),
  }
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex').replace(/^./, '1'),
    name: [{ CN: [name] }],
    notBefore: new Date(now.getTime() - hourMs),
    notAfter: new Date(now.getTime() + hourMs),
    keys: keys as unknown as CryptoKeyPair,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  })
  return parseMaterial({ certificatePem: `${certificate.toString('pem')}\n`, keyPem, now })
}

import { createPrivateKey, X509Certificate } from 'node:crypto'

/** A client certificate with its key, both PEM. */
export interface ClientPair {
  readonly keyPem: string
  readonly certificatePem: string
}

/** When a certificate begins and ends, in milliseconds since 1970, and a number from 0 to 1 that is its own. */
export interface ClientLife {
  readonly notBefore: number
  readonly notAfter: number
  readonly chance: number
}

/** What such a credential begins with. */
export const clientPrefix = 'wxc_'
const form = /^wxc_([\w-]+)\.([\w-]+)$/

/** A pair as one line of printable characters, so that it is kept wherever a credential is. It is secret, and is never sent. */
export function credentialOf({ keyPem, certificatePem }: ClientPair): string {
  const key = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' })
  return `${clientPrefix}${key.toString('base64url')}.${new X509Certificate(certificatePem).raw.toString('base64url')}`
}

/** The pair that a credential is; null: it is a secret that is sent. */
export function clientPairIn(credential: string): ClientPair | null {
  const [, key, certificate] = form.exec(credential) ?? []
  if (key === undefined || certificate === undefined) return null
  try {
    const leaf = new X509Certificate(Buffer.from(certificate, 'base64url'))
    const privateKey = createPrivateKey({ key: Buffer.from(key, 'base64url'), format: 'der', type: 'pkcs8' })
    if (!leaf.checkPrivateKey(privateKey)) return null
    return { keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certificatePem: leaf.toString() }
  } catch {
    return null
  }
}

/** The life of the certificate that a credential is; null: it is a secret. */
export function clientLifeOf(credential: string): ClientLife | null {
  const pair = clientPairIn(credential)
  if (pair === null) return null
  const { validFromDate, validToDate, fingerprint256 } = new X509Certificate(pair.certificatePem)
  const chance = Number.parseInt(fingerprint256.replaceAll(':', '').slice(0, 8), 16) / 2 ** 32
  return { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime(), chance }
}

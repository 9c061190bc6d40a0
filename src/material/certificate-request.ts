import { createPrivateKey, createPublicKey } from 'node:crypto'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { KeyKind } from '../plan/key-kind.ts'
import { kindOfKey } from './make-key.ts'

/** The most names of one request. */
export const maxNames = 100

type GeneralName = { readonly type: 'dns' | 'ip' | 'email'; readonly value: string }

/** A PKCS#10 request (PEM) for these names, signed with their key, of any kind that this host makes. JOB_MALFORMED names the name that is none. */
export async function createCertificateRequest(request: {
  readonly commonName: string
  readonly sans: readonly string[]
  readonly keyPem: string
}): Promise<string> {
  const given = [request.commonName, ...request.sans].filter((name) => name !== '')
  const names = [...new Set(given)].map(generalName)
  if (names.length === 0 || names.length > maxNames) throw new WaxsealError('JOB_MALFORMED', { names: names.length })
  await import('reflect-metadata')
  const { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } = await import('@peculiar/x509')
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [request.commonName === '' ? (names[0]?.value ?? '') : request.commonName] }],
    ...(await signingKeys(request.keyPem)),
    extensions: [new SubjectAlternativeNameExtension(names.map(({ type, value }) => ({ type, value })))],
  })
  return `${csr.toString('pem')}\n`
}

const dnsName = /^(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/
/** No name on the Internet ends in a number: it is an address with a mistake in it. */
const dottedNumbers = /^[\d.]+$/
const ipv6 = /^[0-9a-f:.]*:[0-9a-f:.]*$/i
/** Printable ASCII, as an rfc822Name has it (RFC 5280 §4.2.1.6). */
const email = /^(?:(?![@<>"])[\x21-\x7e]){1,64}@(?:(?![@<>"])[\x21-\x7e]){1,255}$/

function generalName(value: string): GeneralName {
  if (ipv4.test(value) || (ipv6.test(value) && URL.canParse(`http://[${value}]`))) return { type: 'ip', value }
  if (email.test(value)) return { type: 'email', value }
  if (dnsName.test(value) && !dottedNumbers.test(value)) return { type: 'dns', value }
  throw new WaxsealError('JOB_MALFORMED', {
    name: value.slice(0, 300),
    reason: 'it is no DNS name, address or e-mail name',
  })
}

const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
const ecdsa = (namedCurve: string, hash: string) => ({ name: 'ECDSA', namedCurve, hash })

/** How each kind signs: what every CA takes (RFC 8446 §4.2.3 has the same pairs of curve and digest). */
const algorithms = {
  p256: ecdsa('P-256', 'SHA-256'),
  p384: ecdsa('P-384', 'SHA-384'),
  rsa2048: rsa,
  rsa3072: rsa,
  rsa4096: rsa,
  ed25519: { name: 'Ed25519' },
} as const satisfies Readonly<Record<KeyKind, { readonly name: string; readonly hash?: string }>>

async function signingKeys(keyPem: string) {
  const key = createPrivateKey(keyPem)
  const kind = kindOfKey(key)
  if (kind === null)
    throw new WaxsealError('MATERIAL_INVALID', {
      what: 'private key',
      reason: 'it is of a kind that no request is made with',
      hint: 'Have a new key made: key: rotate.',
    })
  const algorithm = algorithms[kind]
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const { subtle } = globalThis.crypto
  return {
    signingAlgorithm: algorithm,
    keys: {
      privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
      publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
  }
}

import { X509Certificate } from 'node:crypto'
import type { Look } from '../../verify/probe-once.ts'

/** Whether a client that trusts the given roots would take what is served, and why not. */
export interface Trust {
  /** Null: it would. */
  readonly distrust: string | null
  /** Null: no name was asked for. */
  readonly name: { readonly asked: string; readonly covered: boolean } | null
}

/** Of a look with roots; null: no certificate was seen. */
export function trustOf({ leaf, certificates, distrust }: Look, name: string | null, now: Date): Trust | null {
  if (leaf === null || distrust === undefined) return null
  const reason = distrust === null ? null : reasonOf(distrust, certificates, now)
  return { distrust: reason, name: name === null ? null : { asked: name, covered: isCovered(leaf.der, name) } }
}

const sayings: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: 'a certificate of the chain is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its root is not a trusted one',
  INVALID_PURPOSE: 'a certificate of the chain is not meant for servers',
  INVALID_CA: 'an issuer in the chain is no CA',
  CERT_SIGNATURE_FAILURE: 'a signature in the chain is wrong',
  CERT_CHAIN_TOO_LONG: 'the chain is too long',
}

/** In plain words. Revocation is not looked at. */
function reasonOf(code: string, [leaf, ...rest]: readonly Uint8Array[], now: Date): string {
  if (code === 'CERT_HAS_EXPIRED')
    return isOver(leaf, now) ? 'the certificate has expired' : 'an issuer in the chain has expired'
  if (/^UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)/.test(code))
    return rest.length === 0
      ? 'its issuer is not a trusted root, and no intermediate certificate came with it'
      : 'an issuer is missing: the intermediate certificates that came with it lead to no trusted root'
  return sayings[code] ?? `OpenSSL says ${code}`
}

function isOver(der: Uint8Array | undefined, now: Date): boolean {
  const certificate = parsed(der)
  return certificate !== null && certificate.validToDate < now
}

function isCovered(der: Uint8Array, name: string): boolean {
  return parsed(der)?.checkHost(name) !== undefined
}

/** Null: nobody can read it. */
function parsed(der: Uint8Array | undefined): X509Certificate | null {
  try {
    return der === undefined ? null : new X509Certificate(der)
  } catch {
    return null
  }
}

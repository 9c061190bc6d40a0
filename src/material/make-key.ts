import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { type KeyKind, keyKindIn } from '../plan/key-kind.ts'

const generate = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ readonly privateKey: KeyObject }>

const recipes: Readonly<Record<KeyKind, readonly [type: string, options: object]>> = {
  p256: ['ec', { namedCurve: 'P-256' }],
  p384: ['ec', { namedCurve: 'P-384' }],
  rsa2048: ['rsa', { modulusLength: 2048 }],
  rsa3072: ['rsa', { modulusLength: 3072 }],
  rsa4096: ['rsa', { modulusLength: 4096 }],
  ed25519: ['ed25519', {}],
}

/** A new key (PKCS#8 PEM), made beside the main loop: one of RSA with 4096 bits takes seconds. */
export async function makeKey(kind: KeyKind): Promise<string> {
  const { privateKey } = await generate(...recipes[kind])
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** As OpenSSL calls them. */
const curves: Readonly<Record<string, KeyKind>> = { prime256v1: 'p256', secp384r1: 'p384' }

/** Of which kind a key is, private or public; null: of none that this host makes. */
export function kindOfKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): KeyKind | null {
  const { namedCurve = '', modulusLength } = asymmetricKeyDetails ?? {}
  if (asymmetricKeyType === 'ec') return curves[namedCurve] ?? null
  return keyKindIn(asymmetricKeyType === 'rsa' ? `rsa${modulusLength}` : (asymmetricKeyType ?? ''))
}

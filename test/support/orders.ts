import { generateKeyPairSync } from 'node:crypto'
import { parseCertificates } from '../../src/material/parse-certificate.ts'
import { orderKeyOf } from '../../src/order/order-key.ts'
import { type SignedOrder, signOrder } from '../../src/order/signed-order.ts'
import type { StandingOrder } from '../../src/order/standing-order.ts'

/** Who gives orders. */
export interface TestSigner {
  readonly keyPem: string
  /** As a host pins it. */
  readonly spki: string
  readonly sign: (order: StandingOrder) => SignedOrder
}

/** A new key. */
export function makeSigner(): TestSigner {
  const { privateKey } = generateKeyPairSync('ed25519')
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { keyPem, spki: orderKeyOf(privateKey).spki, sign: (order) => signOrder(order, keyPem) }
}

/** The name of the host in an order of a test. */
export const orderedHost = 'mx1.example.net'

const dayMs = 86_400_000
const start = Date.now()

/** An order for this target, which was valid yesterday and is tomorrow; `changes` differ from that. */
export function orderFor(target: StandingOrder['target'], changes: Partial<StandingOrder> = {}): StandingOrder {
  return {
    order: 1,
    host: orderedHost,
    target,
    names: ['mail.example.net'],
    issuer: { any: true },
    sequence: 1000,
    not_before: orderTime(-dayMs),
    not_after: orderTime(dayMs),
    ...changes,
  }
}

/** A time in an order, from the start of the test. */
export function orderTime(ms: number): string {
  return new Date(start + ms).toISOString().replace(/\.\d+/, '')
}

/** What an order names an issuer by. */
export function issuerOf(...certificatePems: readonly string[]): { readonly spki_sha256: readonly string[] } {
  return { spki_sha256: certificatePems.flatMap((pem) => parseCertificates(pem).map(({ spkiSha256 }) => spkiSha256)) }
}

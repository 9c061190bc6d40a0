import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { canonicalJson } from '../../../../src/order/canonical-json.ts'
import { orderKeyOf } from '../../../../src/order/order-key.ts'
import { openSigned, type SignedOrder, signedBytes } from '../../../../src/order/signed-order.ts'
import { orderBytes } from '../../../../src/order/standing-order.ts'
import { orderFor } from '../../../support/orders.ts'
import { type Boundary, Violation } from '../fuzz.ts'
import { mutateBytes, mutateJson, mutateText } from '../mutate.ts'
import type { Random } from '../random.ts'

const target = {
  id: 't',
  name: 'mail',
  type: 'Postfix',
  config: { cert_path: '/a', endpoints: [{ port: 25 }], b: 1.5 },
}
const order = orderFor(target, { issuer: { spki_sha256: ['a'.repeat(64)] } })

/** Orders: what is read is what its bytes say, in their one spelling, and nothing is read that nobody has signed. */
export const signedOrders: Boundary = {
  name: 'standing orders',
  share: 300,
  open: async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const keys = [orderKeyOf(privateKey)]
    return {
      take: async (random) => {
        const isSigned = random.below(4) > 0
        const signed = isSigned ? signedBy(privateKey, documentOf(random)) : forged(privateKey, random)
        const read = openSigned(signed, keys)
        const bytes = Buffer.from(signed.document, 'base64')
        if (!Buffer.from(orderBytes(read)).equals(bytes)) throw new Violation('it is read as another order')
        return read
      },
      close: async () => {},
    }
  },
}

function documentOf(random: Random): Uint8Array {
  const text = Buffer.from(orderBytes(order)).toString('utf8')
  if (random.below(3) === 0) return mutateBytes(Buffer.from(text), random)
  if (random.below(2) === 0) return Buffer.from(mutateText(text, random))
  return Buffer.from(spelt(mutateJson(JSON.parse(text), random)))
}

function spelt(value: unknown): string {
  try {
    return canonicalJson(value)
  } catch {
    return JSON.stringify(value) ?? ''
  }
}

function signedBy(key: KeyObject, document: Uint8Array): SignedOrder {
  const signature = sign(null, signedBytes(document), key).toString('base64')
  return { document: Buffer.from(document).toString('base64'), signature, key: orderKeyOf(key).id }
}

/** A sound one of which one text was changed afterwards. */
function forged(key: KeyObject, random: Random): SignedOrder {
  const sound = signedBy(key, orderBytes(order))
  const part = random.pick(['document', 'signature', 'key'] as const)
  return { ...sound, [part]: mutateText(sound[part], random) }
}

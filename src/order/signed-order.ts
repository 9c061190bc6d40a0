import { createPrivateKey, type KeyObject, sign, verify } from 'node:crypto'
import { WaxsealError } from '../error/waxseal-error.ts'
import { schemaCheck } from '../schema/schema-check.ts'
import { keyOf, type OrderKey, orderKeyOf } from './order-key.ts'
import { longestOrder, orderBytes, readOrder, type StandingOrder } from './standing-order.ts'

/** An order as it travels: its bytes as they were signed. */
export interface SignedOrder {
  /** Base64. */
  readonly document: string
  /** Ed25519, base64. */
  readonly signature: string
  /** SHA-256 of the public key (SPKI), hex. */
  readonly key: string
}

const longestText = Math.ceil(longestOrder / 3) * 4

/** JSON schema of a signed order. */
export const signedOrderSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['document', 'signature', 'key'],
  properties: {
    document: { type: 'string', minLength: 1, maxLength: longestText, pattern: '^[A-Za-z0-9+/]+={0,2}$' },
    signature: { type: 'string', pattern: '^[A-Za-z0-9+/]{86}==$' },
    key: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
} as const

/** Whether data has the form of a signed order. */
export const isSignedOrder = schemaCheck<SignedOrder>(signedOrderSchema)

/** An order on its way to a host. */
export interface CarriedOrder extends SignedOrder {
  /** Certificates (PEM) that may stand above the host's and that its chain leaves out, such as a private root. Nobody has signed this, and it proves nothing by itself. */
  readonly issuers?: string
}

/** The longest text of them. */
export const longestIssuers = 8192

/** JSON schema of an order on its way. */
export const carriedOrderSchema = {
  ...signedOrderSchema,
  properties: { ...signedOrderSchema.properties, issuers: { type: 'string', maxLength: longestIssuers } },
} as const

/** Before the document: what is signed for something else is no order. */
const domain = Buffer.from('waxseal-order-v1\n', 'ascii')

/** The bytes that a signature is over. */
export function signedBytes(document: Uint8Array): Uint8Array {
  return Buffer.concat([domain, document])
}

/** Signs an order with this key (PEM). ORDER_INVALID: the order is too long; CONFIG_INVALID: the key is none for orders. */
export function signOrder(order: StandingOrder, keyPem: string): SignedOrder {
  const key = privateKeyOf(keyPem)
  const document = orderBytes(order)
  return {
    document: Buffer.from(document).toString('base64'),
    signature: sign(null, signedBytes(document), key).toString('base64'),
    key: orderKeyOf(key).id,
  }
}

/** The order in it, whoever signed it. ORDER_INVALID. */
export function readSigned({ document }: SignedOrder): StandingOrder {
  return readOrder(decoded(document))
}

/** The order, which one of these keys has signed. ORDER_UNTRUSTED: none of them has; ORDER_INVALID: what was signed is no order. */
export function openSigned(signed: SignedOrder, keys: readonly OrderKey[]): StandingOrder {
  const known = keys.find(({ id }) => id === signed.key)
  if (known === undefined) {
    const reason = 'it is signed with a key that this host does not pin'
    throw new WaxsealError('ORDER_UNTRUSTED', { reason, key: signed.key, pinned: keys.map(({ id }) => id) })
  }
  const document = decoded(signed.document)
  if (!verify(null, signedBytes(document), keyOf(known), decoded(signed.signature)))
    throw new WaxsealError('ORDER_UNTRUSTED', { reason: 'its signature does not fit', key: signed.key })
  return readOrder(document)
}

/** Base64 that has one spelling alone. */
function decoded(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (text.length <= longestText && bytes.toString('base64') === text) return bytes
  throw new WaxsealError('ORDER_INVALID', { reason: 'it is no base64, or too long' })
}

function privateKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Told below.
  }
  throw new WaxsealError('CONFIG_INVALID', {
    reason: 'it is no private key (PEM) of the kind Ed25519',
    hint: 'waxseal control-plane sign --new-key FILE makes one.',
  })
}

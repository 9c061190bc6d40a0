import { createHash, createPrivateKey } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCommand } from '../../../src/host/process/command.ts'
import { readOrderKey } from '../../../src/order/order-key.ts'
import { openSigned, readSigned, type SignedOrder, signedBytes, signOrder } from '../../../src/order/signed-order.ts'
import { orderBytes, type StandingOrder } from '../../../src/order/standing-order.ts'

interface VectorKey {
  readonly seed: string
  readonly public_key: string
  readonly id: string
  readonly spki: string
}

/** What docs/design/order-vectors.json has. */
interface Vectors {
  readonly pinned: VectorKey
  readonly other: VectorKey
  readonly accepted: readonly (SignedOrder & {
    readonly claim: string
    readonly order: StandingOrder
    readonly text: string
  })[]
  readonly refused: readonly (SignedOrder & { readonly claim: string; readonly code: string })[]
}

const file = new URL('../../../docs/design/order-vectors.json', import.meta.url)
const vectors = JSON.parse(await readFile(file, 'utf8')) as Vectors
const { pinned, other } = vectors
/** The beginning of an RSA key, of the length of an Ed25519 one. */
const rsaSpki = Buffer.from(`302a300d06092a864886f70d0101010500${'00'.repeat(27)}`, 'hex').toString('base64')

t.test('each vector of an order is read, signed and verified as it is written', async (t) => {
  for (const { claim, order, text, document, signature, key } of vectors.accepted) {
    const signed = { document, signature, key }

    t.equal(Buffer.from(document, 'base64').toString('utf8'), text, claim)
    t.same(Buffer.from(orderBytes(order)).toString('utf8'), text, claim)
    t.same(openSigned(signed, [pinned]), order, claim)
    t.same(openSigned(signed, [other, pinned]), order, `${claim}, with a present and a next key`)
    t.same(signOrder(order, pemOf(pinned)), signed, claim)
    t.throws(() => openSigned(signed, [other]), { code: 'ORDER_UNTRUSTED' }, claim)
    t.throws(() => openSigned(signed, []), { code: 'ORDER_UNTRUSTED' }, claim)
  }
  t.ok(vectors.accepted.length > 1)
})

t.test('each vector that is refused is refused with its code', async (t) => {
  for (const { claim, code, document, signature, key } of vectors.refused)
    t.throws(() => openSigned({ document, signature, key }, [pinned]), { code }, claim)
  t.ok(vectors.refused.length > 30)
})

t.test('the openssl program makes and takes the signatures of the vectors', async (t) => {
  const dir = t.testdir()
  const [bytes, signature, publicKey, privateKey] = ['bytes', 'signature', 'pub.pem', 'key.pem'].map((name) =>
    join(dir, name),
  ) as [string, string, string, string]
  const verify = async (vector: SignedOrder): Promise<boolean> => {
    await writeFile(bytes, signedBytes(Buffer.from(vector.document, 'base64')))
    await writeFile(signature, Buffer.from(vector.signature, 'base64'))
    const { exitCode } = await openssl('-verify', '-pubin', '-inkey', publicKey, '-sigfile', signature, '-in', bytes)
    return exitCode === 0
  }
  await writeFile(publicKey, pinned.public_key)
  await writeFile(privateKey, pemOf(pinned))

  for (const vector of vectors.accepted) {
    t.ok(await verify(vector), vector.claim)
    const made = await openssl('-sign', '-inkey', privateKey, '-in', bytes, '-out', join(dir, 'made'))
    t.equal(made.exitCode, 0, vector.claim)
    t.equal((await readFile(join(dir, 'made'))).toString('base64'), vector.signature, vector.claim)
  }
  // What is refused for its form alone is signed well: only the reader of orders is between it and a host.
  for (const vector of vectors.refused) t.equal(await verify(vector), vector.code === 'ORDER_INVALID', vector.claim)
  const der = await runCommand(['openssl', 'pkey', '-pubin', '-in', publicKey, '-outform', 'DER', '-out', bytes], {
    timeoutMs: 30_000,
  })
  t.equal(der.exitCode, 0)
  t.equal(
    createHash('sha256')
      .update(await readFile(bytes))
      .digest('hex'),
    pinned.id,
  )
})

t.test('base64 that has another spelling is refused', async (t) => {
  const sound = vectors.accepted[0] as SignedOrder
  const { document, signature, key } = sound
  const loose = [
    `${document}\n`,
    ` ${document}`,
    document.replace(/=+$/, ''),
    `${document}====`,
    document.replaceAll('/', '_'),
  ]
  for (const one of loose.filter((text) => text !== document))
    t.throws(
      () => openSigned({ document: one, signature, key }, [pinned]),
      { code: /^ORDER_(INVALID|UNTRUSTED)$/ },
      one.slice(-9),
    )
  t.throws(() => openSigned({ document, signature: `${signature} `, key }, [pinned]), { code: 'ORDER_INVALID' })
})

t.test('an order of more than 16 KiB is neither signed nor read', async (t) => {
  const [{ order }] = vectors.accepted as [Vectors['accepted'][number]]
  const large = { ...order, target: { ...order.target, config: { cert_path: 'a'.repeat(16_384) } } }

  t.throws(() => signOrder(large, pemOf(pinned)), { code: 'ORDER_INVALID' })
  t.throws(() => readSigned({ document: Buffer.alloc(16_385, 32).toString('base64'), signature: '', key: '' }), {
    code: 'ORDER_INVALID',
  })
  t.throws(() => readSigned({ document: 'A'.repeat(10_000_000), signature: '', key: '' }), { code: 'ORDER_INVALID' })
})

t.test('a key for orders is an Ed25519 key, in PEM or as the base64 of its SPKI; a private one is none', async (t) => {
  const expected = { id: pinned.id, spki: pinned.spki }

  t.same(readOrderKey(pinned.public_key), expected)
  t.same(readOrderKey(pinned.spki), expected)
  t.same(readOrderKey(pinned.public_key.replaceAll('\n', '\r\n')), expected)
  for (const none of [
    '',
    'x',
    pemOf(pinned),
    `${pinned.public_key}${pemOf(pinned)}`,
    pinned.spki.slice(4),
    rsaSpki,
    `${pinned.spki}A`,
  ])
    t.equal(readOrderKey(none), null, none.slice(0, 40))
  t.throws(() => signOrder((vectors.accepted[0] as Vectors['accepted'][number]).order, pinned.public_key), {
    code: 'CONFIG_INVALID',
  })
})

function pemOf({ seed }: VectorKey): string {
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

function openssl(...words: readonly string[]) {
  return runCommand(['openssl', 'pkeyutl', ...words, '-rawin'], { timeoutMs: 30_000 })
}

import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { fileDigest } from '../../../src/plan/file-digest.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString()
const spki = sha256(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }))
const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

t.test('a file without a key is the digest of its bytes', async (t) => {
  const bytes = new Uint8Array([0, 13, 10, 128, 255])

  for (const role of ['certificate', 'chain', 'other', 'bundle'] as const) {
    t.equal(fileDigest(role, bytes), sha256(bytes))
    t.equal(fileDigest(role, Buffer.from(certificate)), sha256(Buffer.from(certificate)))
  }
})

t.test('a key is its SPKI digest, however it is written', async (t) => {
  for (const form of [pkcs8, sec1, pkcs8.replaceAll('\n', '\r\n')]) {
    t.equal(fileDigest('key', Buffer.from(form)), spki)
  }
})

t.test('a key that cannot be read is unreadable, whatever its bytes', async (t) => {
  for (const form of ['', 'garbage', pkcs8.slice(0, 100)]) t.equal(fileDigest('key', Buffer.from(form)), 'unreadable')
})

t.test('a key in a file of any role is replaced by its SPKI digest before the rest is hashed', async (t) => {
  const expected = sha256(Buffer.from(`${spki}\n${certificate}`))

  for (const role of ['bundle', 'certificate', 'chain', 'other'] as const) {
    t.equal(fileDigest(role, Buffer.from(pkcs8 + certificate)), expected, role)
    t.equal(fileDigest(role, Buffer.from(sec1 + certificate)), expected, role)
  }
})

t.test('no byte of a torn key goes into a digest', async (t) => {
  const one = certificate + pkcs8.slice(0, 90)
  const other = certificate + pkcs8.slice(0, 120)

  t.equal(fileDigest('bundle', Buffer.from(one)), fileDigest('bundle', Buffer.from(other)))
})

t.test('bundles that differ in certificate or key differ in digest', async (t) => {
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const bundles = [pkcs8 + certificate, pkcs8 + certificate + certificate, foreign.toString() + certificate]

  t.equal(new Set(bundles.map((bundle) => fileDigest('bundle', Buffer.from(bundle)))).size, 3)
})

t.test('a key in DER is its SPKI digest, in a file of any role', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const forms = [
    ...(['pkcs8', 'sec1'] as const).map((type) => [privateKey.export({ type, format: 'der' }), spki] as const),
    ...(['pkcs8', 'pkcs1'] as const).map(
      (type) =>
        [
          rsa.export({ type, format: 'der' }),
          sha256(createPublicKey(rsa).export({ type: 'spki', format: 'der' })),
        ] as const,
    ),
  ]

  for (const role of ['key', 'bundle', 'certificate', 'other'] as const)
    for (const [bytes, expected] of forms) t.equal(fileDigest(role, bytes), expected, role)
})

t.test('no byte of a torn key in DER goes into a digest', async (t) => {
  const der = privateKey.export({ type: 'pkcs8', format: 'der' })

  for (const role of ['key', 'bundle', 'other'] as const)
    t.equal(fileDigest(role, der.subarray(0, 60)), 'unreadable', role)
})

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

import { spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { keyDer, pkcs12 } from '../../../../src/connector/files/pkcs12.ts'
import type { Material } from '../../../../src/material/material.ts'
import { parseMaterial } from '../../../../src/material/parse-material.ts'
import { makeAuthority } from '../../../support/certificates.ts'

const authority = await (await makeAuthority()).intermediate()
const names = ['mail.example.net']
const [ecdsa, rsa, other] = [await issue('ecdsa'), await issue('rsa'), await issue('ecdsa')] as const

for (const [what, material] of [
  ['an ECDSA', ecdsa],
  ['an RSA', rsa],
] as const) {
  t.test(`openssl reads ${what} pair and its chain out of a store, and its MAC holds`, async (t) => {
    const store = await pkcs12(material, 'correct horse', 'prosody')

    const text = openssl(t, store, 'correct horse', ['-nodes'])

    t.match(text, /friendlyName: prosody/)
    t.same(text.match(/-----BEGIN CERTIFICATE[\s\S]*?-----END CERTIFICATE-----\n/g), [
      material.leaf.pem,
      ...material.chain.map(({ pem }) => pem),
    ])
    const [key = ''] = text.match(/-----BEGIN PRIVATE KEY[\s\S]*?-----END PRIVATE KEY-----\n/) ?? []
    t.equal(createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' }), material.keyPem)
  })
}

t.test('key and certificates are encrypted by AES-256 and PBKDF2, the MAC is of SHA-256', async (t) => {
  const store = await pkcs12(ecdsa, 'secret', 'x')

  const text = openssl(t, store, 'secret', ['-info', '-noout'])

  t.match(text, /MAC: sha256, Iteration 10000/)
  t.match(text, /PKCS7 Encrypted data: PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/)
  t.match(text, /Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/)
})

t.test('another password does not open it', async (t) => {
  const store = await pkcs12(ecdsa, 'secret', 'x')

  const text = openssl(t, store, 'Secret', ['-nodes'])

  t.match(text, /Mac verify error/)
  t.notMatch(text, /PRIVATE KEY/)
})

t.test('the leaf and the key carry one localKeyID, by which Java joins them, and the chain carries none', async (t) => {
  const store = await pkcs12(ecdsa, 'secret', 'x')

  const ids = openssl(t, store, 'secret', ['-nodes']).match(/localKeyID: .*/g) ?? []

  t.equal(ids.length, 2)
  t.equal(ids[0], ids[1])
})

t.test('equal inputs give equal bytes', async (t) => {
  t.same(await pkcs12(ecdsa, 'secret', 'x'), await pkcs12(structuredClone(ecdsa), 'secret', 'x'))
})

t.test('no salt or IV is used twice, nor for other inputs', async (t) => {
  const stores = await Promise.all([
    pkcs12(ecdsa, 'secret', 'x'),
    pkcs12(ecdsa, 'secret2', 'x'),
    pkcs12(ecdsa, 'secret', 'xx'),
    pkcs12({ ...ecdsa, chain: [] }, 'secret', 'x'),
    pkcs12(other, 'secret', 'x'),
  ])

  const random = stores.flatMap(saltsOf)

  t.equal(random.length, 5 * stores.length)
  t.equal(new Set(random).size, random.length)
})

t.test('no byte of the key is readable in a store', async (t) => {
  const store = Buffer.from(await pkcs12(ecdsa, 'secret', 'x'))
  const { d = '' } = createPrivateKey(ecdsa.keyPem).export({ format: 'jwk' })

  t.equal(store.indexOf(Buffer.from(d, 'base64url')), -1)
  t.equal(Buffer.from(keyDer(ecdsa)).indexOf(Buffer.from(d, 'base64url')) > 0, true)
})

async function issue(keyType: 'rsa' | 'ecdsa'): Promise<Material> {
  return parseMaterial({ ...(await authority.issue({ names, keyType })), now: new Date() })
}

/** All that openssl pkcs12 says of a store. */
function openssl(t: Test, store: Uint8Array, password: string, args: readonly string[]): string {
  const file = join(t.testdir(), 'store.p12')
  writeFileSync(file, store)
  const { stdout, stderr } = spawnSync('openssl', ['pkcs12', '-in', file, '-passin', 'env:PASSWORD', ...args], {
    env: { PATH: process.env['PATH'], PASSWORD: password },
    encoding: 'utf8',
  })
  return stdout + stderr
}

/** The salts and IVs: the strings of 16 bytes outside of what is encrypted. */
function saltsOf(store: Uint8Array): readonly string[] {
  return (
    Buffer.from(store)
      .toString('hex')
      .match(/0410[0-9a-f]{32}(?=02022710|80|04)/g) ?? []
  )
}

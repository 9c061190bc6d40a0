import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { kindOfKey, makeKey } from '../../../src/material/make-key.ts'
import { keyKinds } from '../../../src/plan/key-kind.ts'

t.test('a key of each kind is made in PKCS#8, and known again by either half', async (t) => {
  for (const kind of keyKinds) {
    const key = createPrivateKey(await makeKey(kind))

    t.same([kindOfKey(key), kindOfKey(createPublicKey(key))], [kind, kind])
  }
})

t.test('a key of another kind is none that this host makes', async (t) => {
  const others = [
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    generateKeyPairSync('rsa', { modulusLength: 1024 }),
    generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
    generateKeyPairSync('ed448'),
  ]

  for (const { privateKey } of others) t.equal(kindOfKey(privateKey), null)
})

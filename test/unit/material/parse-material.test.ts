import t from 'tap'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'

const root = await makeAuthority()
const intermediate = await root.intermediate()
const pair = await intermediate.issue({ names: ['mail.example.net'] })
const other = await intermediate.issue({ names: ['mail.example.net'] })
const now = new Date()

async function codeOf(raw: Partial<TestPair>): Promise<string> {
  const { certificatePem, chainPem, keyPem } = { ...pair, ...raw }
  return parseMaterial({ certificatePem, chainPem, keyPem, now }).then(
    () => 'accepted',
    (error: unknown) => (error instanceof WaxsealError ? error.code : String(error)),
  )
}

t.test('a matching pair with its chain is accepted', async (t) => {
  const material = await parseMaterial({ ...pair, now })

  t.equal(material.leaf.sha256, pair.sha256)
  t.same(material.leaf.names, ['mail.example.net'])
  t.equal(material.chain.length, 1)
})

t.test('the key of another certificate is refused', async (t) => {
  t.equal(await codeOf({ keyPem: other.keyPem }), 'KEY_MISMATCH')
})

t.test('garbage is refused', async (t) => {
  t.equal(await codeOf({ certificatePem: 'garbage' }), 'MATERIAL_INVALID')
  t.equal(await codeOf({ keyPem: 'garbage' }), 'MATERIAL_INVALID')
})

t.test('an expired certificate is refused', async (t) => {
  const expired = await root.issue({ names: ['a.example'], notBefore: new Date(0), notAfter: new Date(1e12) })

  t.equal(await codeOf(expired), 'CERTIFICATE_EXPIRED')
})

t.test('a chain in the wrong order is refused', async (t) => {
  const certificatePem = pair.chainPem + pair.certificatePem

  t.equal(await codeOf({ certificatePem, chainPem: '' }), 'CHAIN_BROKEN')
  t.equal(await codeOf({ chainPem: root.certificatePem }), 'CHAIN_BROKEN')
})

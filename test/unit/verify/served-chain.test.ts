import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { digestOf, isChained, judgeChain } from '../../../src/verify/served-chain.ts'
import { makeAuthority } from '../../support/certificates.ts'

const root = await makeAuthority()
const upper = await root.intermediate()
const lower = await upper.intermediate()
const pair = await lower.issue({ names: ['mail.example.net'] })
const stranger = await makeAuthority('Stranger')
const der = (pem: string): Uint8Array => new X509Certificate(pem).raw
const [lowerPem = '', upperPem = ''] = pair.chainPem.match(/-----BEGIN[\s\S]*?END CERTIFICATE-----/g) ?? []
const [leaf, low, high, top, other] = [
  pair.certificatePem,
  lowerPem,
  upperPem,
  root.certificatePem,
  stranger.certificatePem,
].map(der)
if (!leaf || !low || !high || !top || !other) throw new Error('a certificate is missing')
const expected = [low, high].map(digestOf)
const torn = new Uint8Array([0x30, 0x03, 1, 2, 3])

t.test('a chain that was served whole is complete, with or without its root', async (t) => {
  t.equal(judgeChain([leaf, low, high], expected), 'complete')
  t.equal(judgeChain([leaf, low, high, top], expected), 'complete')
})

t.test('none of it is missing, a part of it is incomplete', async (t) => {
  t.equal(judgeChain([leaf], expected), 'missing')
  t.equal(judgeChain([leaf, top], expected), 'missing')
  t.equal(judgeChain([leaf, low], expected), 'incomplete')
})

t.test('another order and other certificates beside it are surplus, whoever can read them', async (t) => {
  t.equal(judgeChain([leaf, high, low], expected), 'surplus')
  t.equal(judgeChain([leaf, low, low, high], expected), 'surplus')
  t.equal(judgeChain([leaf, low, torn, high], expected), 'surplus')
  t.equal(judgeChain([leaf, low, high, other, low], expected), 'surplus')
})

t.test('where no chain was given, an issuer or a leaf that signs itself makes it complete', async (t) => {
  t.equal(judgeChain([leaf, low], null), 'complete')
  t.equal(judgeChain([top], null), 'complete')
  t.equal(judgeChain([leaf], null), 'missing')
  t.equal(judgeChain([leaf, other], null), 'missing')
})

t.test('a leaf is chained by an issuer that is no root; what cannot be read is none', async (t) => {
  t.ok(isChained([leaf, low]))
  t.ok(isChained([leaf, torn, low]))
  t.notOk(isChained([leaf]))
  t.notOk(isChained([leaf, high]))
  t.notOk(isChained([low, top]))
  t.notOk(isChained([torn, low]))
  t.notOk(isChained([]))
})

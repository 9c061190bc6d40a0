import { createHash, X509Certificate } from 'node:crypto'
import t from 'tap'
import type { TlsaRecord } from '../../../src/dns/record.ts'
import type { Material } from '../../../src/material/material.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import { matchesTlsa, tlsaToPublish } from '../../../src/policy/dane.ts'
import { opensslDigest } from '../../integration/policy/openssl-digest.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'

const root = await makeAuthority()
const authority = await (await root.intermediate()).intermediate()
const names = ['mail.example.net']
const pair = await authority.issue({ names })
const material = await materialOf(pair)
const other = await materialOf(await (await (await makeAuthority()).intermediate()).issue({ names }))

const usages = [
  [0, 'PKIX-TA', 'issuer'],
  [1, 'PKIX-EE', 'leaf'],
  [2, 'DANE-TA', 'issuer'],
  [3, 'DANE-EE', 'leaf'],
] as const
const selectors = [
  [0, 'certificate'],
  [1, 'public key'],
] as const
const matchingTypes = [0, 1, 2] as const

for (const [usage, usageName, stands] of usages) {
  for (const [selector, selected] of selectors) {
    for (const matchingType of matchingTypes) {
      const type = { usage, selector, matchingType }
      t.test(
        `${usage} ${selector} ${matchingType} (${usageName}, ${selected}) stands for the ${stands} alone`,
        async (t) => {
          const leaf = matchesTlsa(material, [recordOf(pair.certificatePem, type)])
          const issuers = certificatesOf(pair.chainPem).map((pem) => matchesTlsa(material, [recordOf(pem, type)]))
          const foreign = [other.leaf, ...other.chain].map(({ pem }) => matchesTlsa(material, [recordOf(pem, type)]))

          t.equal(leaf, stands === 'leaf')
          t.same(issuers, [stands === 'issuer', stands === 'issuer'])
          t.same(foreign, [false, false])
        },
      )
    }
  }
}

t.test('a usage, selector or matching type that is unknown matches nothing', async (t) => {
  const known = { usage: 3, selector: 1, matchingType: 1 }
  const unknown: readonly Partial<TlsaRecord>[] = [
    ...[4, 5, 255].map((usage) => ({ usage })),
    ...[2, 255].map((selector) => ({ selector })),
    ...[3, 255].map((matchingType) => ({ matchingType })),
  ]
  for (const change of unknown) {
    for (const pem of [pair.certificatePem, ...certificatesOf(pair.chainPem)]) {
      t.notOk(matchesTlsa(material, [{ ...recordOf(pem, known), ...change }]), JSON.stringify(change))
    }
  }
})

t.test('a selector is not taken for the other, nor a digest for the other', async (t) => {
  const { data } = recordOf(pair.certificatePem, { usage: 3, selector: 1, matchingType: 1 })

  t.notOk(matchesTlsa(material, [{ usage: 3, selector: 0, matchingType: 1, data }]))
  t.notOk(matchesTlsa(material, [{ usage: 3, selector: 1, matchingType: 2, data }]))
  t.notOk(matchesTlsa(material, [{ usage: 3, selector: 1, matchingType: 1, data: data.slice(0, 62) }]))
  t.notOk(matchesTlsa(material, [{ usage: 3, selector: 1, matchingType: 1, data: '' }]))
})

t.test('one record that matches among others is enough, and none is not', async (t) => {
  const type = { usage: 3, selector: 1, matchingType: 1 }
  const foreign = recordOf(other.leaf.pem, type)

  t.ok(matchesTlsa(material, [foreign, { ...foreign, usage: 9 }, recordOf(pair.certificatePem, type)]))
  t.notOk(matchesTlsa(material, [foreign]))
  t.notOk(matchesTlsa(material, []))
})

t.test('a pair without a chain has no issuer to match', async (t) => {
  const bare = { ...material, chain: [] }
  const [issuer = ''] = certificatesOf(pair.chainPem)

  t.notOk(matchesTlsa(bare, [recordOf(issuer, { usage: 2, selector: 1, matchingType: 1 })]))
})

for (const keyType of ['rsa', 'ecdsa'] as const) {
  t.test(`the record to publish holds what openssl says of the ${keyType} key, and matches the pair`, async (t) => {
    const issued = await authority.issue({ names, keyType })
    const issuedMaterial = await materialOf(issued)
    const digest = opensslDigest(issued.certificatePem)

    t.equal(tlsaToPublish(issuedMaterial, 'mail.example.net', 25), `_25._tcp.mail.example.net. IN TLSA 3 1 1 ${digest}`)
    t.ok(matchesTlsa(issuedMaterial, [{ usage: 3, selector: 1, matchingType: 1, data: digest }]))
  })
}

/** The record that an administrator would publish for a certificate, made without the code under test. */
function recordOf(pem: string, type: Omit<TlsaRecord, 'data'>): TlsaRecord {
  const { raw, publicKey } = new X509Certificate(pem)
  const bytes = type.selector === 0 ? raw : publicKey.export({ type: 'spki', format: 'der' })
  const algorithm = { 1: 'sha256', 2: 'sha512' }[type.matchingType]
  const data = algorithm === undefined ? bytes : createHash(algorithm).update(bytes).digest()
  return { ...type, data: data.toString('hex') }
}

function certificatesOf(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
}

async function materialOf(from: TestPair): Promise<Material> {
  return parseMaterial({ ...from, now: new Date() })
}

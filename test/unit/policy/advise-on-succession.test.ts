import t from 'tap'
import type { Certificate, Material } from '../../../src/material/material.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import { adviseOnSuccession } from '../../../src/policy/advise-on-succession.ts'
import type { Live } from '../../../src/policy/live.ts'
import { makeAuthority, type TestAuthority } from '../../support/certificates.ts'

const root = await makeAuthority()
const intermediate = await root.intermediate()
const [rootCertificate] = parseCertificates(root.certificatePem)
const names = ['mail.example.net']
const refusing = { missingChain: 'refuse', keyType: 'refuse' } as const
const warning = { missingChain: 'warn', keyType: 'warn' } as const
const full = await issue(intermediate)
const bare = { ...(await issue(intermediate)), chain: [] }
const rsa = await issue(intermediate, 'rsa')

t.test('a leaf without its chain is refused where the live one has one', async (t) => {
  t.throws(() => adviseOnSuccession(bare, liveOf(full), refusing), {
    code: 'CHAIN_MISSING',
    host: 'untouched',
    details: { live: [full.chain[0]?.subject ?? ''], setting: 'policy.missing_chain' },
  })
  t.match(adviseOnSuccession(bare, liveOf(full), warning), [/without a chain/])
  t.same(adviseOnSuccession(full, liveOf(full), refusing), [])
})

t.test('a leaf that the live chain’s own root has issued is a warning', async (t) => {
  const below = await issue(root)

  t.match(adviseOnSuccession(below, liveOf({ ...full, chain: [...full.chain, ...rootOf()] }), refusing), [
    /without a chain/,
  ])
})

t.test('at a first deployment a missing chain is a warning, and where there was none it is nothing', async (t) => {
  t.match(adviseOnSuccession(bare, { certificates: [], beside: [] }, refusing), [/without a chain/])
  t.match(adviseOnSuccession(bare, { certificates: rootOf(), beside: [] }, refusing), [/without a chain/])
  t.same(adviseOnSuccession(bare, liveOf(bare), refusing), [])
})

t.test('a self-signed leaf needs no chain; in the place of one that a CA has issued it is a warning', async (t) => {
  const own: Material = { ...full, leaf: rootOf()[0] ?? full.leaf, chain: [] }

  t.same(adviseOnSuccession(own, liveOf(own), refusing), [])
  t.same(adviseOnSuccession(own, { certificates: [], beside: [] }, refusing), [])
  t.match(adviseOnSuccession(own, liveOf(full), refusing), [/self-signed, and the live one is not/])
})

t.test('a pair of another type in the place of the only RSA pair is refused', async (t) => {
  t.throws(() => adviseOnSuccession(full, liveOf(rsa, 'ecdsa'), refusing), {
    code: 'RSA_KEY_LOST',
    host: 'untouched',
    details: { keyType: 'ecdsa', beside: ['ecdsa'], setting: 'policy.key_type' },
  })
  t.match(adviseOnSuccession(full, liveOf(rsa, 'ecdsa'), warning), [/clients that know RSA alone/])
})

t.test('where a listener has one pair, RSA to ECDSA is a warning; ECDSA to RSA is nothing', async (t) => {
  t.match(adviseOnSuccession(full, liveOf(rsa), refusing), [/clients that know RSA alone/])
  t.same(adviseOnSuccession(rsa, liveOf(full), refusing), [])
})

t.test('a second pair of a type that is there already is a warning', async (t) => {
  t.match(adviseOnSuccession(rsa, liveOf(full, 'rsa'), refusing), [/another rsa pair already/])
  t.same(adviseOnSuccession(full, liveOf(full, 'rsa'), refusing), [])
})

function liveOf({ leaf, chain }: Material, ...beside: readonly Certificate['keyType'][]): Live {
  return { certificates: [leaf, ...chain], beside }
}

function rootOf(): readonly Certificate[] {
  return rootCertificate === undefined ? [] : [rootCertificate]
}

async function issue(authority: TestAuthority, keyType: 'rsa' | 'ecdsa' = 'ecdsa'): Promise<Material> {
  return parseMaterial({ ...(await authority.issue({ names, keyType })), now: new Date() })
}

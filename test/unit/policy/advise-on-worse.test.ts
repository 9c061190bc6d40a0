import t from 'tap'
import type { Material } from '../../../src/material/material.ts'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import { parseRoots, type TrustedRoots } from '../../../src/material/trusted-by.ts'
import { adviseOnWorse } from '../../../src/policy/advise-on-worse.ts'
import { makeAuthority, type TestAuthority } from '../../support/certificates.ts'

const day = 86_400_000
const now = Date.now()
const known = await makeAuthority('A public root')
const other = await makeAuthority('Another public root')
const own = await makeAuthority('A private root')
const intermediate = await known.intermediate()
const roots = parseRoots([known.certificatePem, other.certificatePem])
const refusing = { worse: 'refuse', missingChain: 'refuse' } as const
const warning = { worse: 'warn', missingChain: 'refuse' } as const
const live = await issue(intermediate)
const selfSigned = { ...live, leaf: leafOf(own.certificatePem), chain: [] }

t.test('what leads to a root of the system is followed by nothing that does not', async (t) => {
  for (const [what, material] of [
    ['a private CA', await issue(own)],
    ['a self-signed one', selfSigned],
    ['one without its intermediate', { ...(await issue(await known.intermediate())), chain: [] }],
  ] as const) {
    t.throws(
      () => advice(material, live),
      { code: 'TRUST_LOST', host: 'untouched', details: { setting: 'policy.worse' } },
      what,
    )
    t.match(advice(material, live, warning), [/will refuse the new one/], what)
  }
})

t.test('another public CA, another intermediate, and a renewal follow it', async (t) => {
  for (const by of [other, known, intermediate, await known.intermediate()]) t.same(advice(await issue(by), live), [])
})

t.test('the usual renewal has nobody read the roots of the system', async (t) => {
  const unread = (): TrustedRoots => {
    throw new Error('they were read')
  }

  t.same(adviseOnWorse(await issue(intermediate), liveOf(live), refusing, { roots: unread, now }), [])
})

t.test('what cannot be told is no worse: no live one, a snake-oil one, a private CA, one that is over', async (t) => {
  const laboratory = await issue(own)

  t.same(adviseOnWorse(laboratory, { certificates: [], beside: [] }, refusing, judge()), [])
  t.same(advice(laboratory, selfSigned), [])
  t.same(advice(laboratory, await issue(await makeAuthority())), [])
  t.same(advice(laboratory, live, refusing, now + 100 * day), [], 'clients refuse the live one by now')
  t.same(advice(laboratory, { ...live, chain: [] }), [], 'its own chain is not there')
})

t.test(
  'a snake-oil one that lies among the roots of the system, as Debian has it, is followed by a private CA',
  async (t) => {
    const withSnakeOil = { roots: () => parseRoots([known.certificatePem, own.certificatePem]), now }

    t.same(adviseOnWorse(await issue(await makeAuthority()), liveOf(selfSigned), refusing, withSnakeOil), [])
  },
)

t.test('a chain that may be missing by policy may take the way to the roots with it', async (t) => {
  const bare = { ...(await issue(await known.intermediate())), chain: [] }

  t.match(advice(bare, live, { worse: 'refuse', missingChain: 'warn' }), [/will refuse the new one/])
  t.throws(() => advice(selfSigned, live, { worse: 'refuse', missingChain: 'warn' }), { code: 'TRUST_LOST' })
})

t.test('one from before is refused: it begins over a day earlier and ends earlier', async (t) => {
  const old = await issue(intermediate, -30, 60)

  t.throws(() => advice(old, live), {
    code: 'CERTIFICATE_OLDER',
    host: 'untouched',
    details: { hint: /waxseal rollback/ },
  })
  t.match(advice(old, live, warning), [/older than the live one/])
})

t.test('a shorter life alone, an earlier begin alone, and a day of difference are fine', async (t) => {
  for (const [begin, end] of [
    [0, 6],
    [-30, 90],
    [-1.9, 60],
  ] as const)
    t.same(advice(await issue(intermediate, begin, end), live), [], `${begin} to ${end}`)
})

t.test('the one that a host began with may be younger: self-signed, or of a CA that nobody knows', async (t) => {
  const moved = await issue(intermediate, -30, 60)

  t.same(advice(moved, selfSigned), [])
  t.same(advice(moved, await issue(own)), [])
  t.throws(() => advice(moved, live), { code: 'CERTIFICATE_OLDER' })
})

t.test('the live certificate itself is no worse than it is', async (t) => {
  t.same(advice({ ...live, chain: [] }, live), [])
})

function advice(
  material: Material,
  before: Material,
  policy: Parameters<typeof adviseOnWorse>[2] = refusing,
  at = now,
): readonly string[] {
  return adviseOnWorse(material, liveOf(before), policy, judge(at))
}

function judge(at = now) {
  return { roots: () => roots, now: at }
}

function liveOf({ leaf, chain }: Material) {
  return { certificates: [leaf, ...chain], beside: [] }
}

function leafOf(pem: string) {
  const [leaf] = parseCertificates(pem)
  if (leaf === undefined) throw new Error('there is a certificate')
  return leaf
}

/** `begin` and `end`: days from now. */
async function issue(by: TestAuthority, begin = -1, end = 89): Promise<Material> {
  const [notBefore, notAfter] = [new Date(now + begin * day), new Date(now + end * day)]
  return parseMaterial({ ...(await by.issue({ names: ['mail.example.net'], notBefore, notAfter })), now: new Date() })
}

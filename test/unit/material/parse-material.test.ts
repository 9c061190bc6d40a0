import t from 'tap'
import { describeError, WaxsealError } from '../../../src/error/waxseal-error.ts'
import { makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { parseMaterial } from '../../../src/material/parse-material.ts'
import { makeAuthority, type TestPair } from '../../support/certificates.ts'
import { ca, keys, opensslPki, san } from '../../support/openssl-pki.ts'

const root = await makeAuthority()
const intermediate = await root.intermediate()
const pair = await intermediate.issue({ names: ['mail.example.net'] })
const other = await intermediate.issue({ names: ['mail.example.net'] })
const now = new Date()
const dir = await makeTemporaryFolder('waxseal-material-')
t.teardown(() => removeTree(dir))
const make = opensslPki(dir)
const oddRoot = make({ subject: '/CN=Odd root', extensions: ca })

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

t.test('the key of another certificate is refused, with where the right one is', async (t) => {
  t.equal(await codeOf({ keyPem: other.keyPem }), 'KEY_MISMATCH')
  const { details } = (await parseMaterial({ ...pair, keyPem: other.keyPem, now }).catch(
    (error: WaxsealError) => error,
  )) as WaxsealError
  t.match(details['hint'], /of one folder/)
})

t.test('garbage is refused', async (t) => {
  t.equal(await codeOf({ certificatePem: 'garbage' }), 'MATERIAL_INVALID')
  t.equal(await codeOf({ keyPem: 'garbage' }), 'MATERIAL_INVALID')
})

t.test('an expired certificate is refused', async (t) => {
  const expired = await root.issue({ names: ['a.example'], notBefore: new Date(0), notAfter: new Date(1e12) })

  t.equal(await codeOf(expired), 'CERTIFICATE_EXPIRED')
})

t.test('an expired member of the chain is told as that, with the certificate', async (t) => {
  const old = make({ by: oddRoot, subject: '/CN=Issuing', extensions: ca, days: 1 })
  const leaf = make({ by: old })
  const raw = { ...leaf, chainPem: old.certificatePem, now: new Date(Date.now() + 2 * 86_400_000) }

  await t.rejects(parseMaterial(raw), {
    code: 'CERTIFICATE_EXPIRED',
    details: { reason: 'an intermediate in the chain (certificate 2) has expired', subject: 'CN=Issuing' },
  })
  await t.rejects(parseMaterial({ ...leaf, now: new Date(0) }), {
    code: 'CERTIFICATE_EXPIRED',
    details: { reason: 'the leaf is not valid yet' },
  })
})

t.test('the same certificates in two files are deployed once', async (t) => {
  const fullchain = pair.certificatePem + pair.chainPem

  for (const raw of [
    { certificatePem: fullchain, chainPem: pair.chainPem },
    { certificatePem: fullchain, chainPem: fullchain },
    { certificatePem: pair.certificatePem + pair.keyPem + pair.chainPem, chainPem: '' },
    { certificatePem: fullchain, keyPem: pair.keyPem + fullchain },
  ]) {
    const { leaf, chain, remarks } = await parseMaterial({ ...pair, ...raw, now })
    t.same([leaf, ...chain].map(({ pem }) => pem).join(''), fullchain)
    t.same(remarks, [])
  }
})

t.test('a chain behind its leaf is sorted, with a remark; a leaf that is not the first is refused', async (t) => {
  const lower = await intermediate.intermediate()
  const below = await lower.issue({ names: ['mail.example.net'] })
  const [first = '', second = ''] = below.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/)

  const { leaf, chain, remarks } = await parseMaterial({ ...below, chainPem: second + first, now })

  t.same([leaf, ...chain].map(({ pem }) => pem).join(''), below.certificatePem + first + second)
  t.match(remarks, [/out of order/])
  t.equal(await codeOf({ certificatePem: pair.chainPem + pair.certificatePem, chainPem: '' }), 'CHAIN_BROKEN')
})

t.test('a chain of other certificates is refused', async (t) => {
  t.equal(await codeOf({ chainPem: root.certificatePem }), 'CHAIN_BROKEN')
})

t.test('a certificate that clients refuse is refused, or remarked on where that is allowed', async (t) => {
  const clientOnly = make({ by: oddRoot, extensions: [san, 'extendedKeyUsage=clientAuth'] })

  await t.rejects(parseMaterial({ ...clientOnly, now: new Date() }), {
    code: 'CERTIFICATE_UNFIT',
    host: 'untouched',
    details: { reasons: [/clientAuth/], setting: 'policy.unfit' },
  })
  const { remarks } = await parseMaterial({ ...clientOnly, now: new Date(), unfit: 'warn' })
  t.match(remarks, [/clientAuth/])
})

t.test('the key of the leaf is found among several', async (t) => {
  t.equal(await codeOf({ keyPem: other.keyPem + pair.keyPem }), 'accepted')
})

t.test('what the TLS library does not take is refused without its own text', async (t) => {
  const issuing = make({ by: oddRoot, subject: '/CN=Issuing', extensions: ca, key: keys.short })
  const raw = { ...make({ by: issuing }), chainPem: issuing.certificatePem, now: new Date() }

  const error = await parseMaterial({ ...raw, unfit: 'warn' }).then(
    () => null,
    (refusal: unknown) => refusal,
  )

  t.match(error, { code: 'MATERIAL_INVALID', details: { what: 'pair', cause: /^ERR_[A-Z0-9_]+$/ } })
  t.notMatch(describeError(error as WaxsealError), /error:|ssl\/|\.c:/)
})

import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import t from 'tap'
import { parseCertificates } from '../../../src/material/parse-certificate.ts'
import { issuersAbove, isTrustedBy, parseRoots } from '../../../src/material/trusted-by.ts'
import { makeAuthority, type TestAuthority, type TestPair } from '../../support/certificates.ts'
import { ca, opensslPki, san } from '../../support/openssl-pki.ts'

const day = 86_400_000
const now = Date.now()
const root = await makeAuthority('A root')
const roots = parseRoots([root.certificatePem, 'no certificate', ''])
const intermediate = await root.intermediate()
const deep = await intermediate.intermediate()

t.test('a way over intermediates to a root is found, in whatever order they come', async (t) => {
  const [leaf, ...chain] = await issued(deep)

  t.ok(isTrustedBy(roots, await issued(root), now))
  t.ok(isTrustedBy(roots, await issued(intermediate), now))
  t.ok(isTrustedBy(roots, [...(leaf === undefined ? [] : [leaf]), ...chain.toReversed()], now))
  t.ok(isTrustedBy(roots, parseCertificates(root.certificatePem), now), 'a root itself')
})

t.test('no way is none: an intermediate is missing, another CA of the same name, nothing at all', async (t) => {
  const impostor = await makeAuthority('A root')

  t.notOk(isTrustedBy(roots, (await issued(deep)).slice(0, 2), now))
  t.notOk(isTrustedBy(roots, await issued(impostor), now))
  t.notOk(isTrustedBy(roots, parseCertificates(impostor.certificatePem), now))
  t.notOk(isTrustedBy(roots, [], now))
  t.notOk(isTrustedBy(new Map(), await issued(root), now))
  t.notOk(isTrustedBy(roots, [{ der: Buffer.from('rubbish') }], now))
})

t.test('what is over, or not yet, counts for nothing: leaf, intermediate and root', async (t) => {
  const brief = await root.intermediate(new Date(now + day))

  t.notOk(isTrustedBy(roots, await issued(root), now + 100 * day))
  t.notOk(isTrustedBy(roots, await issued(root), now - 2 * day))
  t.ok(isTrustedBy(roots, await issued(brief), now))
  t.notOk(isTrustedBy(roots, await issued(brief), now + 2 * day))
  t.notOk(isTrustedBy(roots, await issued(root, new Date(now + 5000 * day)), now + 4000 * day))
})

t.test('a leaf that signs another is no CA', async (t) => {
  const pki = opensslPki(t.testdir())
  const own = pki({ subject: '/CN=Root', extensions: ca })
  const leaf = pki({ by: own, subject: '/CN=leaf', extensions: [san, 'basicConstraints=CA:FALSE'] })
  const below = pki({ by: leaf, extensions: [san] })
  const chain = parseCertificates(below.certificatePem + leaf.certificatePem)

  t.ok(isTrustedBy(parseRoots([own.certificatePem]), chain.slice(1), Date.now() + 1000))
  t.notOk(isTrustedBy(parseRoots([own.certificatePem]), chain, Date.now() + 1000))
})

t.test('certificates that have all signed each other are each looked at once', async (t) => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const named = (serialNumber: string) =>
    x509.X509CertificateGenerator.createSelfSigned({
      serialNumber,
      name: 'CN=One of many',
      notBefore: new Date(now - day),
      notAfter: new Date(now + day),
      keys,
      signingAlgorithm: algorithm,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    })
  // Ways of ten through twenty: 670 thousand million.
  const many = await Promise.all(Array.from({ length: 20 }, (_, index) => named(`${10 + index}`)))
  const chain = many.map((certificate) => ({ der: new Uint8Array(certificate.rawData) }))

  t.notOk(isTrustedBy(roots, chain, now))
  t.equal(issuersAbove(roots, chain, now).length, 19)
})

t.test(
  'what stands above a leaf is what has signed it or one that stands there, and nothing that was only sent along',
  async (t) => {
    const stranger = await makeAuthority('A stranger')
    const [leaf, ...chain] = await issued(deep)
    const along = parseCertificates(stranger.certificatePem)
    const digests = (certificates: readonly { readonly der: Uint8Array }[], trusted = roots) =>
      issuersAbove(trusted, certificates, now)
        .map(({ spkiSha256 }) => spkiSha256)
        .toSorted()
    const all = [...chain, ...parseCertificates(root.certificatePem)].map(({ spkiSha256 }) => spkiSha256).toSorted()
    const given = leaf === undefined ? [] : [leaf, ...chain, ...along]

    t.same(digests(given), all)
    t.same(digests(given, new Map()), chain.map(({ spkiSha256 }) => spkiSha256).toSorted())
    t.same(digests(given.slice(0, 1)), [])
    t.same(digests([]), [])
  },
)

async function issued(by: TestAuthority, notAfter?: Date) {
  const pair: TestPair = await by.issue({
    names: ['mail.example.net'],
    ...(notAfter === undefined ? {} : { notAfter }),
  })
  return parseCertificates(pair.certificatePem + pair.chainPem)
}

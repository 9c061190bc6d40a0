import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { acmeKeyOf } from '../../../src/acme/acme-key.ts'
import { readAuthorization, readDirectory, readOrder } from '../../../src/acme/answers.ts'
import { openAcme } from '../../../src/acme/open-acme.ts'
import { readProblem } from '../../../src/acme/problem.ts'
import { readAcmeCertificate } from '../../../src/acme/read-certificate.ts'
import { certIdOf, readRenewalInfo } from '../../../src/acme/renewal-info.ts'
import { asWaxsealError } from '../../../src/error/waxseal-error.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { endless, type Handler, json, startHttpsServer, text } from '../../support/https-server.ts'

t.test('what is no directory, order, authorization or certificate is refused', async (t) => {
  const unreachable = { code: 'ACME_UNREACHABLE' }
  for (const said of ['', 'null', '[]', '{', '{"newNonce":1}', '['.repeat(100_000)]) {
    t.throws(() => readDirectory(said), unreachable)
    t.throws(() => readOrder(said, 'https://a.example/', null), unreachable)
    t.throws(() => readAuthorization(said, ['a.example'], null), unreachable)
    t.throws(() => readAcmeCertificate(said, [], 'https://a.example/'), unreachable)
    t.throws(() => readRenewalInfo(said, null), unreachable)
  }
})

t.test('challenges that we cannot do, and tokens that are no names of files, are left out', async (t) => {
  const challenge = { type: 'http-01', url: 'https://a.example/1', status: 'pending', token: 'a'.repeat(43) }
  const challenges = [
    { type: 'tls-alpn-01', url: 'https://a.example/0', status: 'pending', token: 'a'.repeat(43) },
    { ...challenge, token: '../../../../etc/cron.d/x' },
    { ...challenge, token: 'short' },
    { ...challenge, token: `${'a'.repeat(40)}\n` },
    'a challenge',
    challenge,
  ]
  const body = { status: 'pending', identifier: { type: 'dns', value: 'A.example' }, challenges }

  const read = readAuthorization(JSON.stringify(body), ['a.example'], null)

  t.same(
    read.challenges.map(({ url }) => url),
    ['https://a.example/1'],
  )
})

t.test('a private key, or text around it, is no certificate', async (t) => {
  const authority = await makeAuthority()
  const { certificatePem, keyPem } = await authority.issue({ names: ['a.example'] })

  for (const pem of [keyPem, `${certificatePem}${keyPem}`, certificatePem.slice(0, -40)]) {
    t.throws(() => readAcmeCertificate(pem, [], 'https://a.example/'), { code: 'ACME_UNREACHABLE' })
  }
  const { alternates } = readAcmeCertificate(
    certificatePem,
    ['</other>;rel="alternate", </x>;rel="index"'],
    'https://a.example/1',
  )
  t.same(alternates, ['https://a.example/other'])
})

t.test('a window that does not end after its start is none', async (t) => {
  const told = (start: string, end: string) => JSON.stringify({ suggestedWindow: { start, end } })

  for (const [start, end] of [
    ['2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['soon', 'later'],
  ]) {
    t.throws(() => readRenewalInfo(told(start ?? '', end ?? ''), null), { code: 'ACME_UNREACHABLE' })
  }
  const good = told('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')
  t.equal(readRenewalInfo(good, 0).askAgainMs, 60_000)
  t.equal(readRenewalInfo(good, 1e12).askAgainMs, 86_400_000)
  t.equal(readRenewalInfo(good, null).askAgainMs, 21_600_000)
})

t.test('the id of a certificate is that of the RFC', async (t) => {
  // The example of RFC 9773, appendix A.
  const pem = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`

  t.equal(certIdOf(pem), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
  t.equal(certIdOf('nothing'), null)
})

t.test('a problem is plain text of a bounded length, whatever it is', async (t) => {
  const long = readProblem({ type: 'urn:ietf:params:acme:error:caa', detail: `\u001b]0;x\u0007${'x'.repeat(60_000)}` })
  const odd = [null, 7, 'text', [], { type: 7 }, { type: 'about:blank', detail: { a: 1 } }].map((one) =>
    readProblem(one),
  )
  const subproblems = Array.from({ length: 50 }, (_, index) => ({
    type: 'urn:ietf:params:acme:error:dns',
    detail: 'no address\nthere',
    identifier: { type: 'dns', value: `${index}.example` },
  }))

  t.equal(long.type, 'caa')
  t.ok(long.detail.length < 600)
  t.notOk(long.detail.includes('\u001b'))
  t.same(new Set(odd.map(({ type }) => type)), new Set(['unknown']))
  t.equal(readProblem({ subproblems }).perName.length, 20)
  t.equal(readProblem({ subproblems }).perName[0], '0.example: dns: no address there')
})

t.test('a redirect is not followed, and an answer without end is not read to its end', async (t) => {
  const hungUp = Promise.withResolvers<void>()

  const redirected = await answeredWith(t, text(302, '', { location: 'https://127.0.0.1/' }))
  const endlessly = await answeredWith(
    t,
    endless(200, () => hungUp.resolve()),
  )

  await hungUp.promise
  t.match(redirected.details['reason'], 'it answers with a redirect, and none is followed')
  t.match(endlessly.details['reason'], /larger than 262144 bytes/)
})

t.test('an answer that sends us elsewhere than by https is refused', async (t) => {
  const url = 'http://127.0.0.1/'
  const error = await answeredWith(t, json(200, { newNonce: url, newAccount: url, newOrder: url, revokeCert: url }))

  t.equal(error.code, 'ACME_UNREACHABLE')
  t.equal(error.details['reason'], 'it gives a URL that is no plain https URL')
})

async function answeredWith(t: Test, handler: Handler) {
  const authority = await makeAuthority()
  const server = await startHttpsServer(await authority.issue({ names: ['localhost'], ips: ['127.0.0.1'] }))
  server.answer(handler)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = acmeKeyOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const client = openAcme({ directory: `${server.url}/dir`, ca: authority.certificatePem, key, acceptsTerms: true })
  t.teardown(async () => {
    await client.close()
    await server.close()
  })
  const error = await client.account().then(
    () => null,
    (reason: unknown) => reason,
  )
  t.ok(error)
  return asWaxsealError(error)
}

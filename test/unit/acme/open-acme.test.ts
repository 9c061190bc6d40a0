import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import t, { type Test } from 'tap'
import { type AcmeKey, acmeKeyOf, dnsValueOf, keyAuthorizationOf } from '../../../src/acme/acme-key.ts'
import { type AcmeClient, type AcmeOptions, openAcme } from '../../../src/acme/open-acme.ts'
import { certIdOf } from '../../../src/acme/renewal-info.ts'
import type { ErrorCode } from '../../../src/error/catalogue.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import type { AcmeCaOptions } from '../../support/acme-ca/acme-ca.ts'
import { type ServedAcmeCa, serveAcmeCa } from '../../support/acme-ca/serve-acme-ca.ts'
import { newCsr } from '../../support/csr.ts'

const names = ['mail.example.net', 'mx.example.net']

t.test('an order goes from nothing to a certificate', async (t) => {
  const { ca, client } = await site(t)

  const order = await client.newOrder({ names, profile: null, replaces: null })
  await prove(client, order.authorizations)
  const done = await client.finalize(await client.order(order.url), await der(names))
  const { pem, alternates } = await client.certificate(done.certificate ?? '')

  t.equal(done.status, 'valid')
  t.same(order.names, names)
  t.equal(new X509Certificate(pem).subjectAltName, 'DNS:mail.example.net, DNS:mx.example.net')
  t.equal(alternates.length, 1)
  t.equal(ca.accounts, 1)
})

t.test('what a challenge is answered with is of the key that signs, and the CA finds it', async (t) => {
  const found: string[] = []
  const { client, key } = await site(t, {
    look: async ({ type, keyAuthorization }) => {
      found.push(`${type} ${keyAuthorization}`)
      return null
    },
  })

  const { authorizations } = await client.newOrder({ names: ['a.example'], profile: null, replaces: null })
  const [challenge] = (await client.authorization(authorizations[0] ?? '', ['a.example'])).challenges
  await client.answer(challenge?.url ?? '')

  t.same(found, [`http-01 ${keyAuthorizationOf(key.jwk, challenge?.token ?? '')}`])
  t.match(dnsValueOf(key.jwk, challenge?.token ?? ''), /^[A-Za-z0-9_-]{43}$/)
})

t.test('the account is found by its key, and made once', async (t) => {
  const { ca, client, again } = await site(t)

  const first = await client.account()
  const second = await again().account()

  t.equal(first, second)
  t.equal(ca.accounts, 1)
})

t.test('an account that the CA has forgotten is made again by the call after', async (t) => {
  const { ca, client } = await site(t)
  await client.account()
  ca.forget()

  await refused(t, client.newOrder({ names, profile: null, replaces: null }), 'accountDoesNotExist')
  const order = await client.newOrder({ names, profile: null, replaces: null })

  t.equal(order.status, 'pending')
})

t.test('an account is bound to the one that the CA gave before', async (t) => {
  const externalAccounts = { 'kid-1': Buffer.from('a secret of the CA').toString('base64url') }
  const { ca, again } = await site(t, { externalAccounts })
  const externalAccount = { kid: 'kid-1', hmacKey: externalAccounts['kid-1'] }

  await refused(t, again().account(), 'externalAccountRequired')
  await refused(t, again({ externalAccount: { kid: 'kid-1', hmacKey: 'AAAA' } }).account(), 'unauthorized')
  await again({ externalAccount }).account()

  t.equal(ca.accounts, 1)
})

t.test('a CA that looks no account up without its customer gives the one that is there all the same', async (t) => {
  const externalAccounts = { 'kid-1': Buffer.from('a secret of the CA').toString('base64url') }
  const { ca, again } = await site(t, { externalAccounts, bindsLookUps: true })
  const externalAccount = { kid: 'kid-1', hmacKey: externalAccounts['kid-1'] }

  const first = await again({ externalAccount }).account()
  const second = await again({ externalAccount }).account()

  t.equal(first, second)
  t.equal(ca.accounts, 1)
})

t.test('a CA that has moved something is asked for its directory again', async (t) => {
  const { ca, client } = await site(t)
  await client.account()
  ca.trouble({ kind: 'status', status: 404 })
  await failed(t, client.newOrder({ names, profile: null, replaces: null }), 'ACME_REFUSED')
  ca.trouble(null)

  await client.newOrder({ names, profile: null, replaces: null })

  t.equal(ca.counts.get('directory'), 2)
})

t.test('a CA that is busy is not asked a second time because of what an order replaces', async (t) => {
  const { ca, client } = await site(t)
  const first = await getCertificate(client, names)
  const problem = { type: 'serverInternal', detail: 'down for maintenance', status: 503, retryAfterS: 600 }
  ca.trouble({ kind: 'refuses', at: 'order', problem })

  const error = await refused(t, client.newOrder({ names, profile: null, replaces: first }), 'serverInternal')

  t.equal(error.details['retryAfterMs'], 600_000)
  t.equal(ca.counts.get('newOrder'), 2, 'the first one, and this one')
})

t.test('no account is made where nobody has accepted the terms', async (t) => {
  const { ca, again } = await site(t)

  const error = await refused(t, again({ acceptsTerms: false }).account(), 'userActionRequired')

  t.match(String(error.details['detail']), /\/terms, then set accept_terms$/)
  t.equal(ca.accounts, 0)
})

t.test('a nonce that is refused is taken anew, five times at most', async (t) => {
  const { ca, client } = await site(t)
  ca.trouble({ kind: 'badNonce', times: 4 })
  await client.account()
  ca.trouble({ kind: 'badNonce', times: 5 })

  await refused(t, client.newOrder({ names, profile: null, replaces: null }), 'badNonce')
})

t.test('a profile that the CA has is ordered; one that it lacks is not asked for', async (t) => {
  const { ca, client } = await site(t, { lives: { default: 90 * 86_400_000, shortlived: 6 * 86_400_000 } })
  const issued = await getCertificate(client, names, 'shortlived')

  const error = await refused(t, client.newOrder({ names, profile: 'longlived', replaces: null }), 'invalidProfile')

  t.equal(ca.issued[0]?.profile, 'shortlived')
  t.equal(lifeOf(issued), 6 * 86_400_000 + 60_000)
  t.match(String(error.details['detail']), /it has shortlived/)
  t.equal(ca.counts.get('newOrder'), 1)
})

t.test('an order says what it replaces, and is placed without that where the CA refuses it', async (t) => {
  const { ca, client } = await site(t)
  const first = await getCertificate(client, names)

  await getCertificate(client, names, null, first)
  await getCertificate(client, names, null, first)

  t.same(
    ca.issued.map(({ replaces }) => replaces),
    [null, certIdOf(first), null],
  )
})

t.test('the times of renewal are those of the CA, for just this certificate', async (t) => {
  const { ca, client } = await site(t)
  const pem = await getCertificate(client, names)
  const usual = await client.renewalInfo(pem)
  ca.suggest(certIdOf(pem) ?? '', { start: 1000, end: 2000, explanation: 'https://ca.example/why' })

  const told = await client.renewalInfo(pem)

  t.equal(certIdOf(pem), ca.issued[0]?.certId)
  t.ok((usual?.start ?? 0) > Date.now())
  t.same(told, { start: 1000, end: 2000, askAgainMs: 21_600_000, explanation: 'https://ca.example/why' })
})

t.test('a CA that says no times of renewal is not asked, and gets no replaces', async (t) => {
  const { ca, client } = await site(t, { saysRenewal: false })
  const pem = await getCertificate(client, names)

  const info = await client.renewalInfo(pem)
  await getCertificate(client, names, null, pem)

  t.equal(info, null)
  t.equal(ca.issued[1]?.replaces, null)
})

t.test('a certificate is revoked, and once more is no failure', async (t) => {
  const { ca, client } = await site(t)
  const pem = await getCertificate(client, names)

  await client.revoke(new X509Certificate(pem).raw, 1)
  await client.revoke(new X509Certificate(pem).raw, 1)

  t.type(ca.issued[0]?.revokedAt, 'number')
})

t.test('a refusal has the word of the CA, its sentence, and how long it wants to be waited for', async (t) => {
  const { client } = await site(t, { limit: { orders: 1, inMs: 3_600_000 } })
  await client.newOrder({ names, profile: null, replaces: null })

  const error = await refused(
    t,
    client.newOrder({ names: names.toReversed(), profile: null, replaces: null }),
    'rateLimited',
  )

  t.equal(error.details['detail'], 'too many orders for these names')
  t.equal(error.details['status'], 429)
  t.ok(Number(error.details['retryAfterMs']) > 3_590_000)
})

t.test('a CA that is down, or out of order, is unreachable', async (t) => {
  const { ca, client } = await site(t)
  ca.trouble({ kind: 'down' })
  await failed(t, client.directory(), 'ACME_UNREACHABLE')
  ca.trouble({ kind: 'status', status: 503, retryAfterS: 7 })

  const error = await failed(t, client.directory(), 'ACME_UNREACHABLE')

  t.equal(error.details['retryAfterMs'], 7000)
  ca.trouble(null)
  t.same((await client.directory()).profiles, [])
})

t.test('a CA that takes too long is unreachable', async (t) => {
  const { ca, again } = await site(t)
  ca.trouble({ kind: 'slow', ms: 60_000 })

  const error = await failed(t, again({ timeoutMs: 200 }).directory(), 'ACME_UNREACHABLE')

  t.match(error.cause, { code: 'ABORT_ERR' }, 'by that a lost answer is known from a CA that is not there')
})

t.test('an order that the CA still works at says so', async (t) => {
  const { ca, client } = await site(t)
  ca.trouble({ kind: 'processing', looks: 2 })
  const order = await client.newOrder({ names: ['a.example'], profile: null, replaces: null })
  await prove(client, order.authorizations, ['a.example'])

  const first = await client.finalize(order, await der(['a.example']))
  const second = await client.order(order.url)
  const third = await client.order(order.url)

  t.same(
    [first, second, third].map(({ status, certificate }) => [status, certificate !== null]),
    [
      ['processing', false],
      ['processing', false],
      ['valid', true],
    ],
  )
})

t.test('a challenge that fails says why', async (t) => {
  const { client } = await site(t, { look: async () => ({ type: 'dns', detail: 'no TXT\u001b[31m record\nthere' }) })
  const order = await client.newOrder({ names: ['a.example'], profile: null, replaces: null })
  await prove(client, order.authorizations, ['a.example'])

  const [challenge] = (await client.authorization(order.authorizations[0] ?? '', ['a.example'])).challenges
  const { status, problem } = await client.order(order.url)

  t.equal(challenge?.problem?.type, 'dns')
  t.equal(problem?.detail, 'no TXT\u{fffd}[31m record there')
  t.equal(status, 'invalid')
})

t.test('a proof of a name that was not ordered is refused', async (t) => {
  const { client } = await site(t)
  const { authorizations } = await client.newOrder({ names: ['a.example'], profile: null, replaces: null })

  const error = await failed(t, client.authorization(authorizations[0] ?? '', ['b.example']), 'ACME_UNREACHABLE')

  t.equal(error.details['name'], 'a.example')
})

t.test('only a P-256 key is an account key', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })

  for (const pem of ['', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()]) {
    t.throws(() => acmeKeyOf(pem), { code: 'CONFIG_INVALID' })
  }
})

interface Site {
  readonly ca: ServedAcmeCa
  readonly client: AcmeClient
  readonly key: AcmeKey
  again(more?: Partial<AcmeOptions>): AcmeClient
}

async function site(t: Test, options: AcmeCaOptions = {}): Promise<Site> {
  const ca = await serveAcmeCa(options)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = acmeKeyOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const opened: AcmeClient[] = []
  const again = (more: Partial<AcmeOptions> = {}): AcmeClient => {
    const client = openAcme({ directory: ca.directoryUrl, ca: ca.httpsCaPem, key, acceptsTerms: true, ...more })
    opened.push(client)
    return client
  }
  t.teardown(async () => {
    for (const client of opened) await client.close()
    await ca.close()
  })
  return { ca, client: again(), key, again }
}

async function prove(client: AcmeClient, urls: readonly string[], ordered: readonly string[] = names): Promise<void> {
  for (const url of urls) {
    const { status, challenges } = await client.authorization(url, ordered)
    if (status === 'pending') await client.answer(challenges[0]?.url ?? '')
  }
}

async function getCertificate(
  client: AcmeClient,
  ordered: readonly string[],
  profile: string | null = null,
  replaces: string | null = null,
): Promise<string> {
  const order = await client.newOrder({ names: ordered, profile, replaces })
  await prove(client, order.authorizations, ordered)
  const { certificate } = await client.finalize(order, await der(ordered))
  return (await client.certificate(certificate ?? '')).pem
}

async function der(ordered: readonly string[]): Promise<Buffer> {
  return Buffer.from((await newCsr(ordered)).replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
}

function lifeOf(pem: string): number {
  const { validFromDate, validToDate } = new X509Certificate(pem)
  return validToDate.getTime() - validFromDate.getTime()
}

async function refused(t: Test, asked: Promise<unknown>, type: string): Promise<WaxsealError> {
  const error = await failed(t, asked, 'ACME_REFUSED')
  t.equal(error.details['type'], type)
  return error
}

async function failed(t: Test, asked: Promise<unknown>, code: ErrorCode): Promise<WaxsealError> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  )
  t.ok(error instanceof WaxsealError)
  const coded = error instanceof WaxsealError ? error : new WaxsealError('INTERNAL', { reason: String(error) })
  t.equal(coded.code, code, JSON.stringify(coded.details))
  return coded
}

import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { acmeKeyOf, dnsValueOf, keyAuthorizationOf } from '../../../src/acme/acme-key.ts'
import { type AcmeClient, type AcmeOptions, openAcme } from '../../../src/acme/open-acme.ts'
import { newCsr } from '../../support/csr.ts'
import { unlessInstalled } from '../../support/daemons.ts'
import { type PebbleOptions, settledOrder, startPebble } from '../pebble.ts'
import { startChallengeServer } from './challenge-server.ts'

const skip = unlessInstalled('pebble', 'pebble-challtestsrv')

t.test('Pebble looks for the answers to both challenges, refuses nonces, and signs', { skip }, async (t) => {
  const answers = await startChallengeServer()
  t.teardown(() => answers.stop())
  const { client, key } = await site(t, { ...answers, refusedNonces: 15 })
  const names = ['mail.example.net', '*.example.net']

  const order = await client.newOrder({ names, profile: null, replaces: null })
  for (const url of order.authorizations) {
    const { name, isWildcard, challenges } = await client.authorization(url, names)
    const type = isWildcard ? 'dns-01' : 'http-01'
    const challenge = challenges.find((one) => one.type === type)
    const token = challenge?.token ?? ''
    if (isWildcard) await answers.publish(`_acme-challenge.${name}`, dnsValueOf(key.jwk, token))
    else await answers.serve(token, keyAuthorizationOf(key.jwk, token))
    await client.answer(challenge?.url ?? '')
  }
  const ready = await settledOrder(client, order.url, 'ready')
  const finalized = await client.finalize(ready, await der(names))
  const done = await settledOrder(client, finalized.url, 'valid')
  const { pem } = await client.certificate(done.certificate ?? '')

  t.match(new X509Certificate(pem).subjectAltName, 'DNS:mail.example.net')
  t.match(new X509Certificate(pem).subjectAltName, 'DNS:*.example.net')
  await client.revoke(new X509Certificate(pem).raw, 1)
  await client.revoke(new X509Certificate(pem).raw, 1)
})

t.test('Pebble says why a challenge failed', { skip }, async (t) => {
  const answers = await startChallengeServer()
  t.teardown(() => answers.stop())
  const { client } = await site(t, answers)

  const order = await client.newOrder({ names: ['mail.example.net'], profile: null, replaces: null })
  const { challenges } = await client.authorization(order.authorizations[0] ?? '', ['mail.example.net'])
  await client.answer(challenges.find(({ type }) => type === 'dns-01')?.url ?? '')
  const { problem } = await settledOrder(client, order.url, 'invalid')
  const failed = await client.authorization(order.authorizations[0] ?? '', ['mail.example.net'])

  t.equal(failed.status, 'invalid')
  const said = problem ?? failed.challenges.find(({ status }) => status === 'invalid')?.problem
  t.equal(said?.type, 'unauthorized')
  t.match(said?.detail, /TXT/)
})

t.test('Pebble binds an account to the one that it gave before', { skip }, async (t) => {
  const hmacKey = Buffer.from('a secret of the CA, 256 bits of.').toString('base64url')
  const { client, again } = await site(
    t,
    { externalAccounts: { 'kid-1': hmacKey } },
    { externalAccount: { kid: 'kid-1', hmacKey } },
  )

  const account = await client.account()

  t.equal(await again({ externalAccount: null }).account(), account)
})

async function site(t: Test, pebbleOptions: PebbleOptions, options: Partial<AcmeOptions> = {}) {
  const pebble = await startPebble(t.testdir(), pebbleOptions)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = acmeKeyOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const ca = await readFile(pebble.caFile, 'utf8')
  const opened: AcmeClient[] = []
  const again = (more: Partial<AcmeOptions> = {}): AcmeClient => {
    const client = openAcme({ directory: pebble.url, ca, key, acceptsTerms: true, ...options, ...more })
    opened.push(client)
    return client
  }
  t.teardown(async () => {
    for (const client of opened) await client.close()
    await pebble.stop()
  })
  return { client: again(), key, again }
}

async function der(names: readonly string[]): Promise<Buffer> {
  return Buffer.from((await newCsr(names)).replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
}

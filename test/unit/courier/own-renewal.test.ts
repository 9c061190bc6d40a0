import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { type AcmeKey, acmeKeyOf } from '../../../src/acme/acme-key.ts'
import { openAcme } from '../../../src/acme/open-acme.ts'
import type { Deployer } from '../../../src/courier/deployer.ts'
import { renewAlone } from '../../../src/courier/own-renewal.ts'
import type { Ask } from '../../../src/documents/ask.ts'
import type { DueRenewal } from '../../../src/documents/own-renewal.ts'
import { serveAcmeCa } from '../../support/acme-ca/serve-acme-ca.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { newCsr } from '../../support/csr.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.parse('2027-01-01T00:00:00Z')
const { certificatePem } = await (await makeAuthority()).issue({ names: ['a.example'] })
const certificates = ['a.example', 'b.example'].map((name, index): DueRenewal => {
  const notAfter = start + (14 + 1.4 * index) * hourMs
  const leaf = String(index).repeat(64)
  return { leaf, names: [name], replaces: certificatePem, notBefore: notAfter - 6 * dayMs, notAfter }
})

t.test('a certificate for which the CA wants a day holds back no other, which becomes due meanwhile', async (t) => {
  let now = start
  const ca = await serveAcmeCa({ now: () => now, saysRenewal: false, limit: { orders: 1, inMs: dayMs } })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = acmeKeyOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const acme = { directory: ca.directoryUrl, ca: ca.httpsCaPem, profile: null, contact: [], acceptsTerms: true }
  const other = openAcme({ ...acme, key })
  t.teardown(() => Promise.all([other.close(), ca.close()]))
  await other.newOrder({ names: ['a.example'], profile: null, replaces: null })
  const renewed = new Map<string, number>()
  const ending = new AbortController()
  const sleep = async (ms: number): Promise<void> => {
    now += ms
    if (now > start + 26 * hourMs) ending.abort()
  }

  await renewAlone({
    deployer: deployerOf(
      key,
      (leaf) => renewed.set(leaf, now),
      () =>
        certificates.filter(
          ({ leaf, notBefore, notAfter }) => !renewed.has(leaf) && now >= notBefore + (notAfter - notBefore) * 0.9,
        ),
    ),
    readShown: async () => ({ records: certificates.filter(({ leaf }) => !renewed.has(leaf)).map(liveOf) }),
    readAcme: async () => ({ ...acme, after: 0.9 }),
    state: { lastPoll: null, lastHeartbeat: null },
    isEnrolled: () => false,
    onRenewed: async () => {},
    clock: { now: () => now, random: () => 0.5, sleep },
    log: { info: () => {}, warn: () => {} },
    signal: ending.signal,
  })

  const [first = 0, second = 0] = certificates.map(({ leaf }) => renewed.get(leaf) ?? Number.POSITIVE_INFINITY)
  t.ok(second < start + 1.5 * hourMs, 'at nine tenths of its life')
  t.ok(first > start + 23 * hourMs && first < start + 26 * hourMs, 'when the CA has room again')
  t.equal(ca.counts.get('refusedByLimit'), 1, 'it is asked once, and waited for')
})

function liveOf({ leaf: sha256, notBefore, notAfter }: DueRenewal) {
  return {
    certificate: { sha256, notBefore: new Date(notBefore).toISOString(), notAfter: new Date(notAfter).toISOString() },
  }
}

/** The half that has the keys, without a host behind it. */
function deployerOf(key: AcmeKey, onRenewed: (leaf: string) => void, due: () => readonly DueRenewal[]): Deployer {
  const answer = async (ask: Ask): Promise<object> => {
    if (ask.ask === 'renewals') return { account: key.jwk, due: due() }
    if (ask.ask === 'sign')
      return { signature: (await key.sign(Buffer.from(`${ask.protected}.${ask.payload}`))).toString('base64url') }
    if (ask.ask === 'csr') return { csrPem: await newCsr(certificates.find(({ leaf }) => leaf === ask.leaf)?.names) }
    if (ask.ask === 'renewed') onRenewed(ask.leaf)
    return {}
  }
  return { ask: async (ask) => (await answer(ask)) as never }
}

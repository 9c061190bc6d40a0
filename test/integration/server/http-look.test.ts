import type { RequestListener } from 'node:http'
import t, { type Test } from 'tap'
import { askAtAddress } from '../../../src/host/socket/http-at-address.ts'
import type { Solver } from '../../../src/server/issuer/acme/solver.ts'
import type { LookedFor } from '../../support/acme-ca/acme-ca.ts'
import { type AcmeSite, openAcmeSite } from '../../support/acme-site.ts'
import { startChallengeWeb } from '../../support/challenge-web.ts'

const name = 'mail.example.org'
const [minuteMs, hourMs] = [60_000, 3_600_000]

t.test('an AAAA record that leads to another machine costs no failed look of the CA, and is waited for', async (t) => {
  const { site, signer, mend, failed } = await openSite(t)
  const id = await site.asked([name])

  for (let round = 0; round < 5; round += 1) {
    await signer.sign(id)
    site.pass(minuteMs)
  }
  t.match(await site.store.signings.byId(id), {
    state: 'open',
    attempts: 0,
    error: /AAAA ::1 answers 404: it leads to/,
  })
  t.equal(site.ca.counts.get('challenge'), undefined)
  mend()
  t.match(await site.follow(signer, id), { state: 'signed', attempts: 0 })

  t.equal(site.ca.counts.get('challenge'), 1)
  t.same(failed, [])
})

t.test('an address that stays wrong for an hour is told as a failure, and the CA has never looked', async (t) => {
  const { site, signer, failed } = await openSite(t)
  const id = await site.asked([name])

  await signer.sign(id)
  site.pass(hourMs + 1)
  await signer.signDue()

  t.match(await site.store.signings.byId(id), { state: 'open', attempts: 1, error: /not seen.*AAAA ::1 answers 404/ })
  t.equal(site.ca.counts.get('challenge'), undefined)
  t.same(failed, [])
})

t.test('where the CA sees it otherwise than the server, it looks at once: http_look: false', async (t) => {
  const { site, signer, mend, failed } = await openSite(t, false)
  const id = await site.asked([name])

  await signer.sign(id)

  t.same(failed, [name], 'a failed look is what the other way costs')
  mend()
  t.match(await site.follow(signer, id), { state: 'signed' })
})

/** A CA that looks at the IPv6 address first, and a host that answers by IPv4 alone until it is mended. */
async function openSite(t: Test, looksFirst = true) {
  const answers = new Map<string, string>()
  const answer: RequestListener = ({ url = '' }, response) => {
    const text = answers.get(url.split('/').at(-1) ?? '')
    response.writeHead(text === undefined ? 404 : 200).end(text)
  }
  let isMended = false
  const another: RequestListener = (request, response) =>
    isMended ? answer(request, response) : response.writeHead(404).end()
  const web = await startChallengeWeb(t, { '127.8.0.1': answer, '::1': another })
  const failed: string[] = []
  const look = async ({ name: asked, token, keyAuthorization }: LookedFor) => {
    const url = new URL(`http://${asked}/.well-known/acme-challenge/${token}`)
    const how = { addresses: ['::1'], port: web.ports[80], userAgent: 'a CA', mostBytes: 1024 }
    const found = await askAtAddress({ ...how, url, signal: AbortSignal.timeout(20_000) })
    if ('body' in found && found.body === keyAuthorization) return null
    failed.push(asked)
    return { type: 'unauthorized', detail: 'another answer' }
  }
  const site: AcmeSite = await openAcmeSite(t, undefined, { look })
  const solver: Solver = {
    kind: 'http',
    placeFor: async () => '',
    publish: async (proofs) => {
      for (const { token, value } of proofs) answers.set(token, value)
      return proofs
    },
    whyNotSeen: async () => null,
    remove: async () => {},
  }
  const { signer } = site.server({
    solver,
    config: { challenges: ['http'], looksFirst },
    lookAtAnswers: async (expected) => (await web.look(expected)).against,
  })
  return {
    site,
    signer,
    failed,
    mend: () => {
      isMended = true
    },
  }
}

import t from 'tap'
import type { Issuer, SigningRequest } from '../../../../src/server/issuer/issuer.ts'
import { signInOrder, type WhomToAsk } from '../../../../src/server/issuer/sign-in-order.ts'
import { quickIssuer } from '../../../support/quick-issuer.ts'

const hourMs = 3_600_000
const at = Date.parse('2026-11-01T00:00:00Z')
const request: SigningRequest = {
  id: 'signing-1',
  certificateId: 'certificate-1',
  csrPem: 'CSR',
  spki: 'ab',
  names: ['mail.example.net'],
  validityDays: 47,
  replaces: null,
  at,
}
const junk: Issuer = { name: 'junk', sign: async () => ({ state: 'signed', pem: '<html>' }) }
const down = await quickIssuer('down', () => true)
const good = await quickIssuer('good', () => false)

function whom(issuers: readonly Issuer[], fields: Partial<WhomToAsk> = {}): WhomToAsk {
  return {
    issuers,
    order: issuers.map(({ name }) => name),
    before: new Map(),
    rule: { fallBackAfter: 1, fallBackShare: null },
    ...fields,
  }
}

t.test('an issuer whose answer is no certificate hands over to the next one', async (t) => {
  t.match(await signInOrder(whom([junk, good]), request), { signed: { issuer: 'good', pem: /BEGIN CERTIFICATE/ } })
})

t.test('an issuer that has not failed often enough does not', async (t) => {
  const rule = { fallBackAfter: 2, fallBackShare: null }
  const first = await signInOrder(whom([down, good], { rule }), request)

  t.match(first, { signed: null, hasFailed: true, tries: [{ issuer: 'down', failures: 1 }] })
  const before = new Map(first.tries.map((one) => [one.issuer, one]))
  const early = await signInOrder(whom([down, good], { rule, before }), request)
  t.match(early, { signed: null, hasFailed: false, tries: [], nextAt: first.nextAt }, 'it is not asked before its time')
  const later = { ...request, at: first.nextAt }
  t.match(await signInOrder(whom([down, good], { rule, before }), later), { signed: { issuer: 'good' } })
})

t.test('where no issuer signs all are named with what they said', async (t) => {
  const asked = await signInOrder(whom([junk, down], { order: ['junk', 'down', 'other'] }), request)

  t.match(asked, {
    signed: null,
    hasFailed: true,
    reasons: [/^junk: ./, /^down: .*down is down/, /^other: this server has no issuer/],
  })
  t.ok(asked.nextAt > at)
})

t.test(
  'where this server has none of them none has failed, and another one may take it over in a minute',
  async (t) => {
    const asked = await signInOrder(whom([good], { order: ['other'] }), request)

    t.match(asked, { signed: null, hasFailed: false, isElsewhere: true, nextAt: at + 60_000 })
    t.strictSame(asked.tries, [])
  },
)

t.test('an issuer that works on it is not passed over, and has not failed', async (t) => {
  const slow: Issuer = { name: 'slow', sign: async () => ({ state: 'waits', untilMs: at + 9, reason: 'for the CA' }) }

  t.match(await signInOrder(whom([slow, good]), request), {
    signed: null,
    hasFailed: false,
    nextAt: at + 9,
    tries: [{ issuer: 'slow', failures: 0, isWaiting: true, reason: /for the CA/ }],
  })
})

t.test('an issuer whose limits hold for longer than there is time hands over at once', async (t) => {
  const limited: Issuer = {
    name: 'limited',
    sign: async () => ({ state: 'waits', untilMs: at + 100 * hourMs, reason: 'its limits' }),
  }

  t.match(await signInOrder(whom([limited, good]), request), { signed: { issuer: 'good' } })
})

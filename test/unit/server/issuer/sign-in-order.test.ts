import t from 'tap'
import type { Issuer } from '../../../../src/server/issuer/issuer.ts'
import { signInOrder } from '../../../../src/server/issuer/sign-in-order.ts'
import { quickIssuer } from '../../../support/quick-issuer.ts'

const request = {
  id: 'signing-1',
  certificateId: 'certificate-1',
  csrPem: 'CSR',
  spki: 'ab',
  names: ['mail.example.net'],
  validityDays: 47,
  replaces: null,
  at: Date.parse('2026-11-01T00:00:00Z'),
}
const junk: Issuer = { name: 'junk', sign: async () => ({ state: 'signed', pem: '<html>' }) }

t.test('an issuer whose answer is no certificate hands over to the next one', async (t) => {
  const good = await quickIssuer('good', () => false)

  t.match(await signInOrder([junk, good], ['junk', 'good'], request), { issuer: 'good', pem: /BEGIN CERTIFICATE/ })
})

t.test('where no issuer signs all are named with what they said', async (t) => {
  const down = await quickIssuer('down', () => true)

  await t.rejects(signInOrder([junk, down], ['junk', 'down', 'other'], request), {
    code: 'ISSUER_FAILED',
    details: { reasons: [/^junk: ./, /^down: .*down is down/, /^other: this server has no issuer/] },
  })
})

t.test('an issuer that waits is not passed over', async (t) => {
  const good = await quickIssuer('good', () => false)
  const waits: Issuer = { name: 'slow', sign: async () => ({ state: 'waits', untilMs: 1, reason: 'for the CA' }) }

  t.same(await signInOrder([waits, good], ['slow', 'good'], request), {
    state: 'waits',
    untilMs: 1,
    reason: 'for the CA',
    issuer: 'slow',
  })
})

import t from 'tap'
import { type Issuer, signInOrder } from '../../../../src/server/authority/issuer.ts'
import { quickIssuer } from '../../../support/quick-issuer.ts'

const request = { csrPem: 'CSR', names: ['mail.example.net'], validityDays: 47, at: Date.parse('2026-11-01T00:00:00Z') }
const junk: Issuer = { name: 'junk', sign: async () => '<html>' }

t.test('an issuer whose answer is no certificate hands over to the next one', async (t) => {
  const good = await quickIssuer('good', () => false)

  t.match(await signInOrder([junk, good], [], request), { issuer: 'good', pem: /BEGIN CERTIFICATE/ })
})

t.test('where no issuer signs all are named with what they said', async (t) => {
  const down = await quickIssuer('down', () => true)

  await t.rejects(signInOrder([junk, down], ['junk', 'down', 'other'], request), {
    code: 'ISSUER_FAILED',
    details: { reasons: [/^junk: ./, /^down: .*down is down/, /^other: this server has no issuer/] },
  })
})

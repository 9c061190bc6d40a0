import t from 'tap'
import { lifetimeOf, renewalAdvice, timeLeft } from '../../../src/outcome/lifetime.ts'

const start = Date.parse('2026-11-01T00:00:00.000Z')
const dayMs = 86_400_000

for (const days of [6, 47, 90, 200, 398])
  t.test(`of ${days} days two thirds gone is due, nine tenths gone is late`, async (t) => {
    const at = (share: number): string => lifetimeOf(living(days), start + share * days * dayMs).stage

    t.same([0, 0.66, 0.67, 0.89, 0.9, 1, 1.01].map(at), ['fresh', 'fresh', 'due', 'due', 'late', 'late', 'expired'])
    t.equal(lifetimeOf(living(days), start + (days * dayMs) / 2).used, 0.5)
    t.equal(lifetimeOf(living(days), start).daysLeft, days)
  })

t.test('before its start a certificate has used nothing of its life', async (t) => {
  t.match(lifetimeOf(living(90), start - dayMs), { used: 0, stage: 'fresh', daysLeft: 91 })
})

t.test('dates that make no sense are an expired certificate, and no number that a program cannot read', async (t) => {
  const wrong = [
    { notBefore: 'yesterday', notAfter: 'tomorrow' },
    { notBefore: living(6).notAfter, notAfter: living(6).notBefore },
    { notBefore: living(6).notAfter, notAfter: living(6).notAfter },
  ]
  for (const certificate of wrong) {
    const { used, stage } = lifetimeOf(certificate, start)
    t.equal(stage, 'expired')
    t.ok(Number.isFinite(used) && used >= 1)
  }
})

t.test('what is left is said in days, and below two days in hours', async (t) => {
  const { notAfter } = living(6)

  t.equal(timeLeft(notAfter, start), '6 days')
  t.equal(timeLeft(notAfter, start + 4.5 * dayMs), '36 hours')
  t.equal(timeLeft(notAfter, start + 6 * dayMs - 3_600_000), '1 hour')
  t.equal(timeLeft(notAfter, start + 7 * dayMs), 'none')
})

t.test('a fresh certificate wants nothing; one that is not names who has to do what', async (t) => {
  const at = (share: number, isByJob: boolean): string | null =>
    renewalAdvice(living(6), start + share * 6 * dayMs, isByJob)

  t.equal(at(0.5, true), null)
  t.match(at(0.7, true), /70 % of its life are gone: its renewal is due\..*waxseal control-plane certificates/)
  t.match(at(0.95, false), /its renewal is late\. No control plane deployed it: run the ACME client/)
  t.match(at(1.2, true), /^The deployed certificate has expired\./)
})

function living(days: number): { readonly notBefore: string; readonly notAfter: string } {
  return { notBefore: new Date(start).toISOString(), notAfter: new Date(start + days * dayMs).toISOString() }
}

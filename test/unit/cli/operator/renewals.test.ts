import t from 'tap'
import { planLines } from '../../../../src/cli/operator/renewals.ts'
import type { ToldRenewal } from '../../../../src/server/client/renewal-client.ts'

const renewal: ToldRenewal = {
  at: '2026-11-03T04:05:06.000Z',
  why: 'issuer',
  certificate_id: 'cert-1',
  common_name: 'mail.example.net',
  agent_name: 'mail',
  issuers: ['letsencrypt', 'local'],
  issuer_now: 'letsencrypt',
  not_after: '2026-11-09T00:00:00.000Z',
  is_late: false,
  in_the_way: null,
}
const plan = { at: '2026-11-01T00:00:00.000Z', until: '2026-11-08T00:00:00.000Z', is_cut: false }

t.test('a plan says of each renewal when, by whom and why, and sums them up', async (t) => {
  const lines = planLines({ ...plan, renewals: [renewal, { ...renewal, at: null, why: 'none', is_late: true }] })

  t.match(lines[1], /^2026-11-03T04:05:06 +mail\.example\.net +mail +letsencrypt > local +.*ARI.* +2026-11-09/)
  t.match(lines[2], /^- .*NOBODY RENEWS IT.*LATE/)
  t.equal(lines.at(-1), '2 until 2026-11-08T00:00:00: letsencrypt 2; 1 late.')
})

t.test('a plan without a renewal says so, and one that was cut', async (t) => {
  t.same(planLines({ ...plan, renewals: [] }), ['Nothing is to be renewed until 2026-11-08T00:00:00.'])
  t.match(planLines({ ...plan, renewals: [renewal], is_cut: true }).at(-1), /fewer days/)
})

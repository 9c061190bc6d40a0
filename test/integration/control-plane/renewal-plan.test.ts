import t from 'tap'
import { addTarget, openTestControlPlane } from '../../support/control-plane.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-11-01T00:00:00Z')

t.test('a dry run says what is renewed when, by whom and why, and what is late; it changes nothing', async (t) => {
  let now = start
  const plane = await openTestControlPlane(t, { now: () => now })
  const agent = await plane.enroll()
  const target = await addTarget(plane, agent)
  const ask = async (commonName: string, validityDays: number): Promise<string> => {
    const wanted = { agent_id: agent.id, common_name: commonName, deploy_to: [target], validity_days: validityDays }
    const { certificate_id: id } = await plane.operator.requestCertificate(wanted)
    await agent.sendCsr(id)
    return id
  }
  const id = await ask('mail.example.net', 47)

  t.same((await plane.operator.plannedRenewals(7)).renewals, [])
  const [planned] = (await plane.operator.plannedRenewals(40)).renewals
  t.match(planned, {
    why: 'share',
    certificate_id: id,
    common_name: 'mail.example.net',
    issuers: ['local'],
    is_late: false,
    in_the_way: null,
  })
  const due = Date.parse(planned?.at ?? '')
  t.ok(due > start + 28 * dayMs && due < start + 32 * dayMs)
  const jobs = (await plane.operator.jobs()).length

  now = start + 45 * dayMs
  const [late] = (await plane.operator.plannedRenewals(7)).renewals
  t.match(late, { is_late: true, certificate_id: id })
  t.equal((await plane.operator.jobs()).length, jobs)
})

t.test('days that are none are refused', async (t) => {
  const plane = await openTestControlPlane(t)
  for (const days of ['0', '367', '1e3', '-1'])
    t.match(await plane.ask('GET', `/operator/v1/renewals?days=${days}`, plane.operatorToken), { status: 400 })
})

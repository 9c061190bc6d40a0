import t from 'tap'
import {
  deploymentFor,
  openTestControlPlane,
  type TestAgent,
  type TestControlPlane,
} from '../../support/control-plane.ts'

const dayMs = 86_400_000
const code = 'CONTROL_PLANE_REFUSED'
const byRule = {
  renew_share: null,
  issuers: [],
  key_policy: 'rotate',
  key_type: null,
  fall_back_after: null,
  fall_back_share: null,
}

t.test('a certificate is renewed at the share that was asked for, and the list says it', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const policy = { renew_share: 0.25, issuers: ['local'] }
  const id = await issued(plane, agent, policy)

  t.match(await plane.operator.certificates(), [{ id, ...policy, key_policy: 'rotate' }])
  t.match(await plane.operator.policy('mail.example.net'), { certificate_id: id, ...policy, key_policy: 'rotate' })
  const days = await daysToRenewal(plane)
  t.ok(days > 10 && days < 12, `${days} of 47`)
})

t.test('the policy of a certificate that is there is changed, and its next renewal with it', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const id = await issued(plane, agent)
  t.same(await plane.operator.policy(id), { certificate_id: id, ...byRule })

  const sooner = await plane.operator.changePolicy('mail.example.net', { renew_share: 0.1 })
  t.same(sooner, { certificate_id: id, ...byRule, renew_share: 0.1 })
  t.ok((await daysToRenewal(plane)) < 5)
  await plane.operator.changePolicy(id, { issuers: ['local'] })
  t.match(await plane.operator.policy(id), { renew_share: 0.1, issuers: ['local'] }, 'what is left out stays')
  await plane.operator.changePolicy(id, { renew_share: 0.8, issuers: [] })
  t.ok((await daysToRenewal(plane)) > 30)
  await plane.operator.changePolicy(id, { renew_share: null })
  t.same(await plane.operator.policy(id), { certificate_id: id, ...byRule })

  const { body } = await plane.ask('GET', '/operator/v1/audit', plane.operatorToken)
  const rows = body['rows'] as Readonly<Record<string, unknown>>[]
  t.match(
    rows.find(({ action }) => action === 'certificate.policy'),
    {
      actor: 'operator:admin',
      subject: id,
      details: {
        renewShare: 0.1,
        issuers: [],
        keyPolicy: 'rotate',
        keyType: null,
        fallBackAfter: null,
        fallBackShare: null,
      },
    },
  )
})

t.test('an issuer, a field or a share that is not known is refused with what is, and changes nothing', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const id = await issued(plane, agent)
  t.same(await plane.operator.issuers(), [
    {
      name: 'local',
      kind: 'local',
      place: 1,
      account: null,
      worked_at: null,
      failed_at: null,
      error: null,
      limits: [],
    },
  ])
  const wrong = [
    [{ issuers: ['locl'] }, /no issuer locl; is local meant\?/],
    [{ issuers: ['local', 'letsencrypt'] }, /no issuer letsencrypt; known are local/],
    [{ issuers: ['local', 'local'] }, /./],
    [{ renew_shar: 0.5 }, /no such field: renew_shar; is renew_share meant\?/],
    [{ renew_share: 0.9 }, /<= 0\.8/],
    [{ renew_share: 0.05 }, />= 0\.1/],
    [{ key_policy: 'keep' }, /rotate, reuse/],
    [{}, /./],
  ] as const

  for (const [change, error] of wrong) {
    const path = `/operator/v1/certificates/${id}/policy`
    t.match(await plane.ask('POST', path, plane.operatorToken, change), { status: 400, body: { error } })
    const wanted = { agent_id: agent.id, common_name: 'other.example.net', ...change }
    if (Object.keys(change).length > 0)
      t.match(await plane.ask('POST', '/operator/v1/certificates', plane.operatorToken, wanted), { status: 400 })
  }

  t.same(await plane.operator.policy(id), { certificate_id: id, ...byRule })
  t.equal((await plane.operator.certificates()).length, 1)
  await t.rejects(plane.operator.policy('nobody'), { code, details: { status: 404 } })
  await t.rejects(plane.operator.changePolicy('mail.example.met', { renew_share: 0.5 }), {
    code,
    details: { answer: /is mail\.example\.net meant\?/ },
  })
})

t.test('a key is used again only where the agent knows how', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const reuse = { key_policy: 'reuse' } as const
  const id = await issued(plane, agent)

  await t.rejects(plane.operator.changePolicy(id, reuse), {
    code,
    details: { status: 409, answer: /mail-1 makes a new key/ },
  })
  await agent.post('/heartbeat', { features: ['lease', 'key'] })
  await plane.operator.changePolicy(id, reuse)
  await plane.operator.renew(id)

  const items = await agent.work()
  t.match(
    items.find(({ status }) => status === 'AwaitingCSR'),
    { key: 'reuse' },
  )
})

async function issued(plane: TestControlPlane, agent: TestAgent, policy: object = {}): Promise<string> {
  if (Object.keys(policy).length === 0) return (await deploymentFor(plane, agent)).certificateId
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', ...policy }
  const { certificate_id: id } = await plane.operator.requestCertificate(wanted)
  await agent.sendCsr(id)
  return id
}

async function daysToRenewal(plane: TestControlPlane): Promise<number> {
  const [row] = await plane.operator.certificates()
  return (Date.parse(String(row?.['next_renewal_at'])) - Date.parse('2026-11-01T00:00:00Z')) / dayMs
}

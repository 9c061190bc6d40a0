import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { Agent, request } from 'undici'
import { deploymentFor, openTestControlPlane } from '../../support/control-plane.ts'

t.test('an operator sees a certificate with its end, its next renewal and its targets', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { certificateId, jobId } = await deploymentFor(plane, agent)
  await agent.work()
  const outcome = { outcome: 'deployed', proven: true, message: '' }
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed', outcome })

  const [row] = await plane.operator.certificates()

  t.match(row, {
    id: certificateId,
    common_name: 'mail.example.net',
    agent_name: 'mail-1',
    version: 1,
    issuer: 'local',
    last_error: null,
    open_job: null,
    targets: [{ name: 'postfix', is_deployed: true, deployed_version: 1, proven: true, error: null }],
  })
  const daysTo = (end: unknown, from: unknown): number =>
    (Date.parse(String(end)) - Date.parse(String(from))) / 86_400_000
  const left = daysTo(row?.['not_after'], row?.['next_renewal_at'])
  t.ok(left > 47 / 3 && left < 47 * 0.4)
})

t.test('renew and revoke take a name, and the agent is told which key it is to use', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await agent.post('/heartbeat', { features: ['lease'] })
  const { certificateId } = await deploymentFor(plane, agent)

  const { job_id: renewal } = await plane.operator.renew('mail.example.net')
  t.match(await agent.work(), [{ type: 'Deployment' }, { id: renewal, type: 'Renewal', status: 'AwaitingCSR' }])
  await t.rejects(plane.operator.renew('mail.example.net'), { code: 'CONTROL_PLANE_REFUSED' })
  await agent.sendCsr(certificateId)
  const revoked = await plane.operator.revoke('mail.example.net')
  t.equal(revoked.serials.length, 2)
  const items = await agent.work()
  t.match(
    items.find(({ id }) => id === revoked.job_id),
    { status: 'AwaitingCSR', key: 'rotate', common_name: 'mail.example.net' },
  )
  await t.rejects(plane.operator.revoke('nobody'), { code: 'CONTROL_PLANE_REFUSED' })
})

t.test('what is revoked is listed for everybody, where each certificate says', async (t) => {
  const plane = await openTestControlPlane(t, { names: ['localhost'] })
  const agent = await plane.enroll()
  const { certificateId } = await deploymentFor(plane, agent)
  const { body } = await agent.get(`/certificates/${certificateId}`)
  const leaf = new X509Certificate(String(body['certificate_pem']))
  const url = /https:\/\/localhost:\d+\/crl\/[0-9a-f]{16}\.crl/.exec(leaf.raw.toString('latin1'))?.[0] ?? ''
  const dispatcher = new Agent({ connect: { ca: plane.caPem } })
  t.teardown(() => dispatcher.close())

  const { statusCode, headers, body: list } = await request(url, { dispatcher })

  t.equal(statusCode, 200)
  t.match(headers, { 'content-type': 'application/pkix-crl', 'cache-control': 'public, max-age=3600' })
  t.ok((await list.arrayBuffer()).byteLength > 100)
  t.match(await plane.ask('GET', '/crl/0123456789abcdef.crl', ''), { status: 404 })
  t.match(await plane.ask('GET', '/crl/..%2fca.key', ''), { status: 404 })
})

t.test('an agent that knows it gets the CAs with each heartbeat, another one does not', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()

  t.match(await agent.post('/heartbeat', { features: ['ca_pem'] }), { body: { ca_pem: plane.caPem } })
  t.notOk('ca_pem' in (await agent.post('/heartbeat', {})).body)
})

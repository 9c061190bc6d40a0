import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { openOperator } from '../../../src/server/client/operator-client.ts'
import { addTarget, claimedDeployment, deploymentFor, openTestControlPlane } from '../../support/control-plane.ts'

const calls = [
  ['POST', '/tokens'],
  ['GET', '/agents'],
  ['POST', '/agents/agent-1/retire'],
  ['GET', '/targets'],
  ['POST', '/targets', {}],
  ['POST', '/certificates', {}],
  ['POST', '/deployments', {}],
  ['POST', '/take-backs', {}],
  ['GET', '/jobs'],
  ['GET', '/jobs/job-1'],
] as const

t.test('every call of the operator needs the token of the operator', async (t) => {
  const plane = await openTestControlPlane(t)
  const { credential } = await plane.enroll()
  const token = await plane.operator.createToken()

  for (const [method, path, body] of calls)
    for (const bearer of ['', 'wxo_guess', token, credential, `${plane.operatorToken}x`]) {
      const { status } = await plane.ask(method, `/operator/v1${path}`, bearer, body)
      t.equal(status, 401, `${path} with "${bearer.slice(0, 4)}"`)
    }
})

t.test('a list of agents tells no secret', async (t) => {
  const plane = await openTestControlPlane(t)
  const { id } = await plane.enroll('mail-1')

  t.same(await plane.operator.agents(), [
    {
      id,
      name: 'mail-1',
      hostname: 'mail-1.example.net',
      status: 'active',
      registered_at: '2026-11-01T00:00:00.000Z',
      last_heartbeat_at: null,
      twin: null,
      labels: {},
    },
  ])
})

t.test('each token is another', async (t) => {
  const { operator } = await openTestControlPlane(t)

  const tokens = [await operator.createToken(), await operator.createToken()]

  t.equal(new Set(tokens).size, 2)
  t.match(tokens, [/^wxt_[\w-]{43}$/, /^wxt_[\w-]{43}$/])
})

t.test('a target is kept as it was given', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const target = { name: 'postfix', agent_id: agent.id, type: 'Postfix', config: { deep: { list: [1, null, 'é'] } } }

  const id = await plane.operator.addTarget({ ...target, unchecked: true })

  t.match(await plane.operator.targets(), [{ id, ...target, drift: null, renewal: null }])
})

t.test('a target of a name that is taken or of an agent that is not there is refused', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await addTarget(plane, agent, 'postfix')

  const taken = () => addTarget(plane, agent, 'postfix')
  const orphan = () => plane.operator.addTarget({ name: 'b', agent_id: 'agent-0', type: 'Postfix', config: {} })

  await t.rejects(taken(), { code: 'CONTROL_PLANE_REFUSED', details: { status: 409 } })
  await t.rejects(orphan(), { code: 'CONTROL_PLANE_REFUSED', details: { status: 404 } })
})

t.test('a body that misses a field, or has one that is unknown or of the wrong kind, is refused', async (t) => {
  const plane = await openTestControlPlane(t)
  const { id: agent_id } = await plane.enroll()
  const target = { name: 'a', agent_id, type: 'Postfix', config: {} }
  const certificate = { agent_id, common_name: 'mail.example.net' }
  const bad = [
    ['/targets', { ...target, config: '{}' }],
    ['/targets', { ...target, nmae: 'a' }],
    ['/targets', { name: 'a', agent_id, type: 'Postfix' }],
    ['/certificates', { agent_id }],
    ['/certificates', { ...certificate, common_name: '' }],
    ['/certificates', { ...certificate, validity_days: 4 / (24 * 60) }],
    ['/certificates', { ...certificate, validity_days: 398 }],
    ['/certificates', { ...certificate, validity_days: '47' }],
    ['/certificates', { ...certificate, sans: 'imap.example.net' }],
    ['/deployments', { certificate_id: 'cert-1' }],
  ] as const

  for (const [path, body] of bad) {
    const { status } = await plane.ask('POST', `/operator/v1${path}`, plane.operatorToken, body)
    t.equal(status, 400, `${path} ${JSON.stringify(body)}`)
  }

  t.same(await plane.operator.targets(), [])
  t.same(await plane.operator.jobs(), [])
})

t.test('a certificate lives for as long as was asked for, be it minutes', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  for (const minutes of [5, 90, 47 * 24 * 60]) {
    const wanted = { agent_id: agent.id, common_name: 'mail.example.net', validity_days: minutes / (24 * 60) }
    const { certificate_id: id } = await plane.operator.requestCertificate(wanted)
    t.equal((await agent.sendCsr(id)).status, 202)
    const leaf = new X509Certificate(String((await agent.get(`/certificates/${id}`)).body['certificate_pem']))
    t.equal(leaf.validToDate.getTime() - Date.parse('2026-11-01T00:00:00Z'), minutes * 60_000)
  }
})

t.test('a certificate is deployed only to targets of its own agent', async (t) => {
  const plane = await openTestControlPlane(t)
  const [agent, other] = [await plane.enroll('mail-1'), await plane.enroll('mail-2')]
  const { certificateId } = await deploymentFor(plane, agent)
  const foreign = await addTarget(plane, other, 'foreign')
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net' }
  const notFound = { code: 'CONTROL_PLANE_REFUSED', details: { status: 404 } }
  const jobsBefore = await plane.operator.jobs()

  await t.rejects(plane.operator.deploy(certificateId, foreign), notFound)
  await t.rejects(plane.operator.deploy('cert-0', foreign), notFound)
  await t.rejects(plane.operator.deploy('mail.example.net', foreign), notFound)
  await t.rejects(plane.operator.requestCertificate({ ...wanted, deploy_to: [foreign] }), notFound)
  await t.rejects(plane.operator.requestCertificate({ ...wanted, agent_id: 'agent-0' }), notFound)

  t.same(await plane.operator.jobs(), jobsBefore)
})

t.test('a signed certificate is deployed once to each target that was named, and again on demand', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const targets = [await addTarget(plane, agent, 'postfix'), await addTarget(plane, agent, 'dovecot')] as const
  const { certificate_id: id } = await plane.operator.requestCertificate({
    agent_id: agent.id,
    common_name: 'mail.example.net',
    deploy_to: [...targets, targets[0]],
  })
  await agent.sendCsr(id)

  const first = await agent.work()
  const demanded = await plane.operator.deploy(id, targets[1])
  const second = await agent.work()

  t.equal(first.length, 2)
  t.same(new Set(first.map((job) => job['target_id'])), new Set(targets))
  t.match(second, [{ id: demanded, target_id: targets[1] }])
})

t.test('jobs are listed newest first, without the outcomes that one job is shown with', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  const outcome = { outcome: 'deployed', message: 'done' }
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed', outcome })

  const jobs = await plane.operator.jobs()
  const job = await plane.operator.job(jobId)

  t.same(
    jobs.map(({ type }) => type),
    ['Deployment', 'Issuance'],
  )
  t.notOk(jobs.some((listed) => 'outcome' in listed))
  t.same(job.outcome, outcome)
})

t.test('a job and an agent that are not there are not found', async (t) => {
  const { operator } = await openTestControlPlane(t)
  const notFound = { code: 'CONTROL_PLANE_REFUSED', details: { status: 404 } }

  await t.rejects(operator.job('job-0'), notFound)
  await t.rejects(operator.job('../agents'), notFound)
  await t.rejects(operator.retire('agent-0'), notFound)
})

t.test('a control plane that is down is said to be unreachable, with how to start it', async (t) => {
  const { operatorToken, caPem, url, close } = await openTestControlPlane(t)
  await close()
  const operator = openOperator({ operatorToken, caPem, url })
  t.teardown(() => operator.close())

  await t.rejects(operator.jobs(), { code: 'CONTROL_PLANE_UNREACHABLE', details: { url, hint: /control-plane serve/ } })
})

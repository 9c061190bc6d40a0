import t from 'tap'
import { Agent, request } from 'undici'
import { addTarget, deploymentFor, openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { newCsr } from '../../support/csr.ts'

const minute = 60_000

t.test('of ten registrations with one token that come at once one is made', async (t) => {
  const plane = await openTestControlPlane(t)
  const token = await plane.operator.createToken()
  const facts = (count: number) => ({ name: `mail-${count}`, hostname: 'mail' })

  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, count) => plane.ask('POST', '/api/v1/agents', token, facts(count))),
  )

  t.same(answers.map(({ status }) => String(status)).toSorted(), ['201', ...Array.from({ length: 9 }, () => '401')])
})

t.test('a CSR that is sent again makes no second certificate and no second deployment', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const targetId = await addTarget(plane, agent)
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', deploy_to: [targetId] }
  const { certificate_id } = await plane.operator.requestCertificate(wanted)
  const body = { certificate_id, csr_pem: await newCsr() }

  const answers = await Promise.all(Array.from({ length: 5 }, () => agent.post('/csr', body)))
  const { body: first } = await agent.get(`/certificates/${certificate_id}`)
  answers.push(await agent.post('/csr', body))

  t.ok(answers.every(({ status, body: { status: state } }) => status === 202 && state === 'csr_signed'))
  t.same((await agent.get(`/certificates/${certificate_id}`)).body, first)
  t.equal((await plane.operator.jobs()).filter(({ type }) => type === 'Deployment').length, 1)
})

t.test('an agent that knows csr_accepted is answered at once, and its deployment follows', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await agent.post('/heartbeat', { features: ['csr_accepted'] })
  const targetId = await addTarget(plane, agent)
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net', deploy_to: [targetId] }
  const { certificate_id, job_id } = await plane.operator.requestCertificate(wanted)

  t.match(await agent.sendCsr(certificate_id), { status: 202, body: { status: 'csr_accepted' } })

  for (let jobs = await agent.work(); jobs.length === 0; jobs = await agent.work()) plane.advance(1000)
  t.equal((await plane.operator.job(job_id)).status, 'Completed')
})

t.test('a leased job whose claim was lost is offered again, and one that runs is not', async (t) => {
  const { plane, agent, jobId } = await withFeatures(t, ['lease'])

  const [first] = await agent.work()
  t.match(first, { id: jobId, status: 'Running', attempt: 1, lease_s: 300 })
  t.same(await agent.work(), [])
  plane.advance(4 * minute)
  t.match(await agent.post(`/jobs/${jobId}/lease`, {}), { status: 200, body: { lease_s: 300 } })
  plane.advance(4 * minute)
  t.same(await agent.work(), [], 'it was renewed')
  plane.advance(minute)
  t.match(await agent.work(), [{ id: jobId, attempt: 2 }])
  await agent.post(`/jobs/${jobId}/status`, { status: 'Running' })
  for (let passed = 0; passed < 60; passed += 4) {
    plane.advance(4 * minute)
    t.same(await agent.work(), [])
  }
  plane.advance(60 * minute)
  t.equal((await plane.operator.job(jobId)).status, 'Running', 'the reaper leaves it to the record of its agent')
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })
  t.equal((await agent.post(`/jobs/${jobId}/lease`, {})).status, 409)
  t.equal((await agent.post('/jobs/unknown/lease', {})).status, 404)
})

t.test('a job that nobody has is cancelled at once, and is not offered', async (t) => {
  const { plane, agent, jobId } = await withFeatures(t, [])

  const answer = await cancel(plane, jobId)

  t.match(answer, { status: 200, body: { status: 'Cancelled' } })
  t.same(await agent.work(), [])
  t.equal((await cancel(plane, jobId)).status, 409)
  t.equal((await cancel(plane, 'unknown')).status, 404)
})

t.test('a CSR for an issuance that was cancelled is refused', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const wanted = { agent_id: agent.id, common_name: 'mail.example.net' }
  const { certificate_id, job_id } = await plane.operator.requestCertificate(wanted)

  await cancel(plane, job_id)

  t.equal((await agent.sendCsr(certificate_id)).status, 400)
  t.same(await agent.work(), [])
})

t.test('a report that an agent works on a CSR does not end the offer of it', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { job_id } = await plane.operator.requestCertificate({ agent_id: agent.id, common_name: 'mail.example.net' })

  await agent.post(`/jobs/${job_id}/status`, { status: 'Running' })

  t.match(await agent.work(), [{ id: job_id, status: 'AwaitingCSR' }])
})

t.test('who is not known is answered before his body is read', async (t) => {
  const plane = await openTestControlPlane(t)
  const { id } = await plane.enroll()

  const answer = await plane.ask('POST', `/api/v1/agents/${id}/csr`, 'wxa_guess', 'x'.repeat(2_000_000))

  t.equal(answer.status, 401)
})

t.test('who varies what he guesses is limited by his address, and agents of other addresses are not', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const guess = (count: number) => plane.ask('GET', `/api/v1/agents/${agent.id}/work`, `wxa_${count}`)

  const first = await Promise.all(Array.from({ length: 100 }, (_, count) => guess(count)))
  const next = await Promise.all(Array.from({ length: 20 }, (_, count) => guess(1000 + count)))

  t.ok(first.every(({ status }) => status === 401))
  t.ok(next.every(({ status }) => status === 429))
  t.equal(await askFrom(plane, '127.0.0.9', agent.id, agent.credential), 200)
})

async function withFeatures(t: Parameters<typeof openTestControlPlane>[0], features: readonly string[]) {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await agent.post('/heartbeat', { features })
  return { plane, agent, ...(await deploymentFor(plane, agent)) }
}

function cancel(plane: TestControlPlane, jobId: string) {
  return plane.ask('POST', `/operator/v1/jobs/${jobId}/cancel`, plane.operatorToken)
}

/** The status of a poll from another address of this host. */
async function askFrom(plane: TestControlPlane, localAddress: string, id: string, credential: string): Promise<number> {
  const dispatcher = new Agent({ localAddress, connect: { ca: plane.caPem } })
  const headers = { authorization: `Bearer ${credential}` }
  const { statusCode, body } = await request(`${plane.url}/api/v1/agents/${id}/work`, { dispatcher, headers })
  await body.dump()
  await dispatcher.destroy()
  return statusCode
}

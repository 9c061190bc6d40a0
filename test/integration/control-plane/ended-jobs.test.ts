import t, { type Test } from 'tap'
import {
  deploymentFor,
  openTestControlPlane,
  type TestAgent,
  type TestControlPlane,
} from '../../support/control-plane.ts'

const minute = 60_000
const silence = 5 * minute + 1
const code = 'CONTROL_PLANE_REFUSED'

t.test(
  'a job whose lease ran out on a host that is gone stays where it is cancelled, and is ended by word',
  async (t) => {
    const { plane, agent, jobId } = await leased(t)
    t.equal(await plane.operator.cancel(jobId), 'Pending')
    plane.advance(4 * minute)
    await t.rejects(plane.operator.end(jobId), {
      code,
      details: { status: 409, answer: /heard 240 s ago: cancel asks/ },
    })
    plane.advance(60 * minute)
    t.match(await plane.operator.job(jobId), { status: 'Pending', cancel_requested_at: '2026-11-01T00:00:00.000Z' })

    await plane.operator.end(jobId)

    t.match(await plane.operator.job(jobId), { status: 'Failed', error: /^an operator ended it/ })
    t.same(await agent.work(), [], 'it is not offered again')
    await t.rejects(plane.operator.end(jobId), { code, details: { status: 409, answer: 'the job is final' } })
    t.match(await auditOf(plane, 'job.end'), { actor: 'operator:admin', subject: jobId })
  },
)

t.test('a result that comes after the word of an operator takes its place', async (t) => {
  const { plane, agent, jobId } = await leased(t)
  await agent.post(`/jobs/${jobId}/status`, { status: 'Running' })
  plane.advance(silence)
  await plane.operator.end(jobId)

  t.equal((await agent.post(`/jobs/${jobId}/lease`, undefined)).status, 409)
  t.equal((await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })).status, 200)

  t.match(await plane.operator.job(jobId), { status: 'Completed', error: null })
  await t.rejects(plane.operator.end(jobId), { code, details: { status: 409 } })
})

t.test('a job of an agent that calls is ended after it was asked to cancel it, and had time to answer', async (t) => {
  const { plane, agent, jobId } = await leased(t)
  await agent.post(`/jobs/${jobId}/status`, { status: 'Running' })
  const beat = () => agent.post('/heartbeat', { features: ['lease', 'cancel'] })
  plane.advance(60 * minute)
  await beat()
  await t.rejects(plane.operator.end(jobId), { code, details: { answer: /heard 0 s ago/ } })
  t.equal(await plane.operator.cancel(jobId), 'Running')
  plane.advance(4 * minute)
  await beat()
  await t.rejects(plane.operator.end(jobId), { code, details: { status: 409 } })
  plane.advance(minute)
  t.match(await beat(), { body: { cancel: [jobId] } })

  await plane.operator.end(jobId)

  t.match(await plane.operator.job(jobId), { status: 'Failed' })
  t.match(await beat(), { body: { cancel: [] } })
})

t.test('what an agent without leases has is ended as well, whatever kind of job it is', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { jobId, targetId } = await deploymentFor(plane, agent)
  await agent.work()
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })
  const validation = await plane.operator.validate(targetId)
  await agent.work()
  plane.advance(60 * minute)
  t.match(await plane.operator.job(validation), { status: 'Running' }, 'the reaper leaves it')

  await plane.operator.end(validation)

  t.match(await plane.operator.job(validation), { status: 'Failed' })
})

t.test('what no agent has is cancelled, and not ended', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { jobId } = await deploymentFor(plane, agent)
  const wanted = { agent_id: agent.id, common_name: 'other.example.net' }
  const { job_id: issuance } = await plane.operator.requestCertificate(wanted)
  plane.advance(60 * minute)

  for (const id of [jobId, issuance]) {
    await t.rejects(plane.operator.end(id), {
      code,
      details: { status: 409, answer: /no agent has this job: cancel it/ },
    })
    t.equal(await plane.operator.cancel(id), 'Cancelled')
  }
  await t.rejects(plane.operator.end('job-0'), { code, details: { status: 404 } })
})

t.test('what a retired agent never had is cancelled, and what it had fails once it is silent', async (t) => {
  const { plane, agent, jobId, certificateId, targetId } = await leased(t)
  const second = await plane.operator.deploy(certificateId, targetId)
  const wanted = { agent_id: agent.id, common_name: 'other.example.net' }
  const { job_id: issuance } = await plane.operator.requestCertificate(wanted)

  await plane.operator.retire(agent.id)

  for (const id of [second, issuance])
    t.match(await plane.operator.job(id), { status: 'Cancelled', error: 'its agent is retired' })
  t.match(await plane.operator.job(jobId), { status: 'Pending' })
  t.equal((await agent.post(`/jobs/${jobId}/status`, { status: 'Running' })).status, 200, 'it finishes')
  plane.advance(5 * minute)
  t.match(await plane.operator.job(jobId), { status: 'Running' })
  plane.advance(1)
  t.match(await plane.operator.job(jobId), { status: 'Failed', error: /^its agent is retired and has been silent/ })
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })
  t.match(await plane.operator.job(jobId), { status: 'Completed' }, 'a guess is corrected')
})

t.test('nothing new is given to a retired agent, for it would never do it', async (t) => {
  const { plane, agent, certificateId, targetId } = await leased(t)
  await plane.operator.retire(agent.id)
  const retired = { code, details: { status: 409, answer: 'the agent mail-1 is retired' } }
  const wanted = { agent_id: agent.id, common_name: 'other.example.net' }

  await t.rejects(plane.operator.deploy(certificateId, targetId), retired)
  await t.rejects(plane.operator.validate(targetId), retired)
  await t.rejects(plane.operator.requestCertificate(wanted), retired)
  await t.rejects(plane.operator.renew(certificateId), retired)
})

/** A deployment that an agent with leases has, and of which it has said nothing. */
async function leased(t: Test) {
  const plane = await openTestControlPlane(t)
  const agent: TestAgent = await plane.enroll()
  await agent.post('/heartbeat', { features: ['lease', 'cancel'] })
  const deployment = await deploymentFor(plane, agent)
  t.match(await agent.work(), [{ id: deployment.jobId, attempt: 1 }])
  return { plane, agent, ...deployment }
}

async function auditOf(plane: TestControlPlane, action: string) {
  const { body } = await plane.ask('GET', '/operator/v1/audit', plane.operatorToken)
  return (body['rows'] as Readonly<Record<string, unknown>>[]).find((row) => row['action'] === action)
}

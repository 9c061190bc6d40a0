import t from 'tap'
import { addTarget, claimedDeployment, openTestControlPlane } from '../../support/control-plane.ts'

t.test('the final state of a job is kept with its error and its outcome', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  const outcome = { outcome: 'rolled-back', message: 'put back' }

  const running = await agent.post(`/jobs/${jobId}/status`, { status: 'Running' })
  const failed = await agent.post(`/jobs/${jobId}/status`, { status: 'Failed', error: 'reload failed', outcome })

  t.match(running, { status: 200, body: { status: 'updated' } })
  t.match(failed, { status: 200, body: { status: 'updated' } })
  t.match(await plane.operator.job(jobId), { status: 'Failed', error: 'reload failed', outcome })
})

t.test('the first final state stays, whatever is reported after it', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })

  for (const body of [{ status: 'Completed' }, { status: 'Running' }, { status: 'Failed', error: 'late' }])
    t.match(await agent.post(`/jobs/${jobId}/status`, body), { status: 200, body: { status: 'updated' } })

  t.match(await plane.operator.job(jobId), { status: 'Completed', error: null })
})

t.test('a status that is none and a job that is none of the agent are refused', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  const foreign = await plane.enroll('mail-2')

  for (const body of [{ status: 'Pending' }, { status: 'completed' }, {}, { status: 'Failed', error: 7 }])
    t.equal((await agent.post(`/jobs/${jobId}/status`, body)).status, 400)
  t.equal((await agent.post('/jobs/unknown/status', { status: 'Completed' })).status, 404)
  t.equal((await foreign.post(`/jobs/${jobId}/status`, { status: 'Completed' })).status, 404)

  t.equal((await plane.operator.job(jobId)).status, 'Running')
})

for (const what of ['large', 'deep'] as const)
  t.test(`an outcome that is too ${what} to be kept leaves what became of the job`, async (t) => {
    const rest = what === 'large' ? `"${'x'.repeat(500_000)}"` : `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const { plane, agent, jobId } = await claimedDeployment(t)
    const outcome = `{"outcome":"rolled-back","message":"put back","proven":true,"lines":${rest}}`

    const answer = await agent.post(`/jobs/${jobId}/status`, `{"status":"Failed","outcome":${outcome}}`)

    t.equal(answer.status, 200)
    const kept = { outcome: 'rolled-back', message: 'put back', proven: true, isCutShort: true }
    t.same((await plane.operator.job(jobId)).outcome, kept)
  })

t.test('of a verification what the protocol names is kept', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  const more = `{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},${JSON.stringify(verification).slice(1)}`

  const answer = await plane.ask('POST', `/api/v1/jobs/${jobId}/verify`, agent.credential, more)

  t.equal(answer.status, 200)
  t.same((await plane.operator.job(jobId)).verification, verification)
})

t.test('a verification is kept with its job', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)

  const answer = await plane.ask('POST', `/api/v1/jobs/${jobId}/verify`, agent.credential, verification)

  t.equal(answer.status, 200)
  t.same((await plane.operator.job(jobId)).verification, verification)
})

t.test('a verification without a target or one of the digests is refused', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  const path = `/api/v1/jobs/${jobId}/verify`

  for (const name of ['target_id', 'expected_fingerprint', 'actual_fingerprint']) {
    const missing = Object.fromEntries(Object.entries(verification).filter(([field]) => field !== name))
    t.equal((await plane.ask('POST', path, agent.credential, { ...verification, [name]: '' })).status, 400, name)
    t.equal((await plane.ask('POST', path, agent.credential, missing)).status, 400, name)
  }

  t.equal((await plane.operator.job(jobId)).verification, null)
  t.equal((await plane.ask('POST', '/api/v1/jobs/unknown/verify', agent.credential, verification)).status, 404)
})

t.test('discoveries are accepted unless there are none', async (t) => {
  const agent = await (await openTestControlPlane(t)).enroll()

  const found = await agent.post('/discoveries', { certificates: [{ source_path: '/etc/a.pem' }], errors: null })
  const failed = await agent.post('/discoveries', { certificates: null, errors: ['/etc/b.pem: not readable'] })
  const empty = await agent.post('/discoveries', { certificates: [], errors: [] })
  const malformed = await agent.post('/discoveries', { certificates: 'all', errors: [] })

  t.same([found.status, failed.status, empty.status, malformed.status], [202, 202, 500, 400])
})

t.test('drift stands beside its target until it is mended, also over a restart', async (t) => {
  const first = await openTestControlPlane(t)
  const known = await first.enroll()
  const target_id = await addTarget(first, known)
  const driftsTo = (reasons: readonly string[]): object => ({
    certificates: [],
    errors: [],
    drift: [{ target_id, looked_at: '2026-05-01T10:00:00Z', reasons }],
  })

  t.match(await first.operator.targets(), [{ id: target_id, drift: null }])
  t.equal((await known.post('/discoveries', driftsTo(['/a is gone.']))).status, 202)
  t.equal((await known.post('/discoveries', driftsTo(['/a is gone.', '/b is gone.']))).status, 202)
  await first.close()
  const second = await openTestControlPlane(t, { dataDir: first.dataDir })

  const kept = { since: '2026-05-01T10:00:00Z', reasons: ['/a is gone.', '/b is gone.'] }
  t.match(await second.operator.targets(), [{ id: target_id, drift: kept }])
  t.equal((await second.agent(known).post('/discoveries', driftsTo([]))).status, 202)
  t.match(await second.operator.targets(), [{ id: target_id, drift: null }])
})

t.test('an agent says nothing of the target of another', async (t) => {
  const plane = await openTestControlPlane(t)
  const owner = await plane.enroll()
  const foreign = await plane.enroll('mail-2')
  const target_id = await addTarget(plane, owner)
  const drift = [{ target_id, looked_at: '2026-05-01T10:00:00Z', reasons: ['/a is gone.'] }]

  const answer = await foreign.post('/discoveries', { certificates: [], errors: [], drift })

  t.equal(answer.status, 202)
  t.match(await plane.operator.targets(), [{ id: target_id, drift: null }])
})

const verification = {
  target_id: 'target-1',
  expected_fingerprint: 'ab'.repeat(32),
  actual_fingerprint: '0'.repeat(64),
  verified: false,
  error: 'nothing was seen',
}

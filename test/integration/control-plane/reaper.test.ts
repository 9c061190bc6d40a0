import t from 'tap'
import { claimedDeployment, deploymentFor, openTestControlPlane } from '../../support/control-plane.ts'

const minute = 60_000
const silence = 5 * minute + 1

t.test('a deployment that runs on an agent silent for over 5 minutes ends Failed and says so', async (t) => {
  const { plane, jobId } = await claimedDeployment(t)

  plane.advance(5 * minute)
  const before = await plane.operator.job(jobId)
  plane.advance(1)
  const after = (await plane.operator.jobs()).find(({ id }) => id === jobId)

  t.equal(before.status, 'Running')
  t.match(after, {
    status: 'Failed',
    error: 'the agent has been silent for over 5 minutes, since 2026-11-01T00:00:00.000Z',
    updated_at: '2026-11-01T00:05:00.001Z',
  })
})

t.test('one job asked for alone is as ended as in the list', async (t) => {
  const { plane, jobId } = await claimedDeployment(t)

  plane.advance(silence)

  t.equal((await plane.operator.job(jobId)).status, 'Failed')
})

t.test('a heartbeat, a work call or a report within 5 minutes keeps the deployment running', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  const signs = [
    () => agent.post('/heartbeat', {}),
    () => agent.get('/work'),
    () => agent.post(`/jobs/${jobId}/status`, { status: 'Running' }),
  ]

  for (const sign of signs) {
    plane.advance(4 * minute)
    await sign()
    plane.advance(4 * minute)
    t.equal((await plane.operator.job(jobId)).status, 'Running')
    await sign()
  }
})

t.test('a claim that got lost ends after 30 minutes, though its agent calls all the while', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  for (let at = 0; at < 28; at += 4) {
    plane.advance(4 * minute)
    await agent.get('/work')
  }
  const before = await plane.operator.job(jobId)

  plane.advance(2 * minute)
  await agent.get('/work')

  t.equal(before.status, 'Running')
  t.match(await plane.operator.job(jobId), { status: 'Failed', error: /^nothing was heard of this job/ })
})

for (const path of ['/work', '/heartbeat'])
  t.test(
    `a claim that got lost ends when its agent is back with ${path}, though nobody looked in between`,
    async (t) => {
      const { plane, agent, jobId } = await claimedDeployment(t)
      plane.advance(silence)

      await (path === '/work' ? agent.get(path) : agent.post(path, {}))

      t.equal((await plane.operator.job(jobId)).status, 'Failed')
    },
  )

for (const [status, opposite] of [
  ['Completed', 'Failed'],
  ['Failed', 'Completed'],
])
  t.test(`a late ${status} takes the place of the guess of the reaper, and then stays`, async (t) => {
    const { plane, agent, jobId } = await claimedDeployment(t)
    const outcome = { outcome: 'deployed', message: 'late' }
    plane.advance(silence)

    const guess = await plane.operator.job(jobId)
    await agent.post(`/jobs/${jobId}/status`, { status, error: 'its own', outcome })
    await agent.post(`/jobs/${jobId}/status`, { status: opposite, error: 'again' })

    t.match(guess, { status: 'Failed', error: /silent/ })
    t.match(await plane.operator.job(jobId), { status, error: 'its own', outcome })
  })

t.test('a late Running does not wake a job that the reaper has ended, and a result still does', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  plane.advance(silence)

  await agent.post(`/jobs/${jobId}/status`, { status: 'Running' })
  const afterRunning = await plane.operator.job(jobId)
  await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })

  t.match(afterRunning, { status: 'Failed', error: /silent/ })
  t.match(await plane.operator.job(jobId), { status: 'Completed', error: null })
})

t.test('the silence of one agent ends no job of another', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  const other = await plane.enroll('mail-2')

  plane.advance(3 * minute)
  await agent.post('/heartbeat', {})
  plane.advance(3 * minute)
  await other.get('/work')

  t.equal((await plane.operator.job(jobId)).status, 'Running')
})

t.test('silence ends neither what waits to be claimed nor what waits for a CSR', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  await deploymentFor(plane, agent)
  await plane.operator.requestCertificate({ agent_id: agent.id, common_name: 'imap.example.net' })

  plane.advance(silence)

  const states = (await plane.operator.jobs()).map(({ status }) => status)
  t.same(states.toSorted(), ['AwaitingCSR', 'Completed', 'Pending'])
})

t.test('the time in which the control plane was down is no silence of the agent', async (t) => {
  const { plane, jobId } = await claimedDeployment(t)
  await plane.close()
  const restartedAt = Date.parse('2026-11-01T01:00:00Z')
  let now = restartedAt
  const { operator } = await openTestControlPlane(t, { dataDir: plane.dataDir, now: () => now })

  const atStart = await operator.job(jobId)
  now += silence
  const later = await operator.job(jobId)

  t.equal(atStart.status, 'Running')
  t.match(later, { status: 'Failed', error: /since 2026-11-01T01:00:00.000Z$/ })
})

t.test('a result wins over the guess of the reaper across a restart', async (t) => {
  const { plane, agent, jobId } = await claimedDeployment(t)
  plane.advance(silence)
  await plane.operator.jobs()
  await plane.close()
  const restarted = await openTestControlPlane(t, { dataDir: plane.dataDir })

  await restarted.agent(agent).post(`/jobs/${jobId}/status`, { status: 'Completed' })

  t.match(await restarted.operator.job(jobId), { status: 'Completed', error: null })
})

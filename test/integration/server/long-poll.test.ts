import { Client } from 'pg'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { ringDue, waitForWork } from '../../../src/server/operation/job/wait-for-work.ts'
import { WorkBell } from '../../../src/server/operation/job/work-bell.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { deploymentFor, openTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { startPostgres } from '../../support/postgres.ts'
import { agentRow, certificateRow } from '../../support/store-site.ts'
import { twoServers, untilWaiting } from '../../support/two-servers.ts'

/** What looks for work without being told so comes once in 15 s. */
const soonMs = 10_000

const postgres = await startPostgres(t)

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`${kind}: a call that waits is answered with a job when it is made`, async (t) => {
    const plane = await planeOf(t, kind)
    const agent = await plane.enroll()
    const { certificateId, targetId } = await deploymentFor(plane, agent)
    await agent.work()

    const waiting = agent.get('/work?wait=30')
    await untilWaiting(plane, 1)
    const since = performance.now()
    const jobId = await plane.operator.deploy(certificateId, targetId)
    const { status, body } = await waiting

    t.equal(status, 200)
    t.match(body, { jobs: [{ id: jobId, type: 'Deployment' }], count: 1, poll_interval: 30, splay: Number })
    t.ok(performance.now() - since < soonMs)
    t.match(await plane.operator.agents(), [{ last_heartbeat_at: String }], 'it counts as a heartbeat')
  })

  t.test(`${kind}: a CSR is asked for at once, and then at the end of each wait`, async (t) => {
    const plane = await planeOf(t, kind)
    const agent = await plane.enroll()
    await plane.operator.requestCertificate({ agent_id: agent.id, common_name: 'mail.example.net' })

    t.match((await agent.get('/work?wait=30')).body, { jobs: [{ status: 'AwaitingCSR' }] })
    const again = agent.get('/work?wait=1')
    await untilWaiting(plane, 1)
    t.match((await again).body, { jobs: [{ status: 'AwaitingCSR' }], count: 1 })
  })

  t.test(`${kind}: who is shut out while he waits gets nothing`, async (t) => {
    const plane = await planeOf(t, kind)
    const agent = await plane.enroll()
    const { certificateId, targetId } = await deploymentFor(plane, agent)
    await agent.work()
    const waiting = agent.get('/work?wait=30')
    await untilWaiting(plane, 1)

    await plane.operator.revokeCredentials(agent.id)
    const jobId = await plane.operator.deploy(certificateId, targetId)

    t.equal((await waiting).status, 401)
    t.match(await plane.operator.job(jobId), { status: 'Pending', attempt: 0 })
  })
}

t.test('a job that is made on one server ends the wait on another', async (t) => {
  const [one, two] = await twoServers(t, postgres)
  const agent = await one.enroll()
  const { certificateId, targetId } = await deploymentFor(one, agent)
  await agent.work()

  const waiting = two.agent(agent).get('/work?wait=30')
  await untilWaiting(two, 1)
  const since = performance.now()
  const jobId = await one.operator.deploy(certificateId, targetId)
  t.match((await waiting).body, { jobs: [{ id: jobId }] })
  t.ok(performance.now() - since < soonMs)
})

t.test('servers hear each other again after PostgreSQL has started anew', async (t) => {
  const own = await startPostgres(t)
  const database = await own.newDatabase()
  const plane = await openTestControlPlane(t, { database })
  const agent = await plane.enroll()
  const { certificateId, targetId } = await deploymentFor(plane, agent)
  await agent.work()
  const waiting = agent.get('/work?wait=35')
  await untilWaiting(plane, 1)

  await own.stop()
  await own.start()
  await untilHearing(t, database)
  const since = performance.now()
  const jobId = await plane.operator.deploy(certificateId, targetId)
  t.match((await waiting).body, { jobs: [{ id: jobId }] })
  t.ok(performance.now() - since < soonMs)
})

t.test('what becomes due while an agent waits ends the wait, though nobody tells', async (t) => {
  for (const database of [undefined, await postgres.newDatabase()]) {
    let now = 1000
    const store = await openStore({ dataDir: t.testdir({}), database, now: () => now })
    t.teardown(() => store.close())
    await store.agents.add(lonely)
    await store.certificates.add(certificateRow({ id: 'c', agentId: lonely.id }), [])
    const ids = { id: 'j', agentId: lonely.id, certificateId: 'c', targetId: null, versionNumber: null }
    await store.jobs.add({ ...ids, type: 'Validation', status: 'Pending', createdAt: 0, notBefore: 2000 })
    const bell = new WorkBell()
    const waiting = waitOf({ store, bell }, 30_000)
    while (bell.count === 0) await new Promise((resolve) => setImmediate(resolve))

    const since = performance.now()
    await ringDue({ store, bell })
    t.equal(bell.count, 1)
    now = 2000
    await ringDue({ store, bell })
    t.match(await waiting, { jobs: [{ job: { id: 'j' } }] })
    t.ok(performance.now() - since < soonMs)
  }
})

t.test('of an agent one call waits; what was asked again, or whose connection is gone, takes nothing', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { certificateId, targetId } = await deploymentFor(plane, agent)
  await agent.work()
  const client = new Agent({ connect: { ca: plane.caPem } })
  t.teardown(() => client.destroy())
  const first = agent.get('/work?wait=30')
  await untilWaiting(plane, 1)
  const cut = new AbortController()
  const second = request(`${plane.url}/api/v1/agents/${agent.id}/work?wait=30`, {
    dispatcher: client,
    signal: cut.signal,
    headers: { authorization: `Bearer ${agent.credential}` },
  })

  t.match((await first).body, { count: 0 })
  await untilWaiting(plane, 1)
  cut.abort()
  await t.rejects(second)
  await untilWaiting(plane, 0)
  const jobId = await plane.operator.deploy(certificateId, targetId)
  t.match(await plane.operator.job(jobId), { status: 'Pending', attempt: 0 })
})

t.test('a server that ends answers those who wait', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const dispatcher = new Agent({ connect: { ca: plane.caPem } })
  t.teardown(() => dispatcher.destroy())
  const headers = { authorization: `Bearer ${agent.credential}` }
  const waiting = request(`${plane.url}/api/v1/agents/${agent.id}/work?wait=30`, { dispatcher, headers })
  await untilWaiting(plane, 1)

  const since = performance.now()
  const [{ statusCode, body }] = await Promise.all([waiting, plane.close()])
  t.equal(statusCode, 200)
  t.match(await body.json(), { jobs: [], count: 0 })
  t.ok(performance.now() - since < soonMs)
})

t.test('a HEAD claims nothing', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { jobId } = await deploymentFor(plane, agent)
  const client = new Agent({ connect: { ca: plane.caPem } })
  t.teardown(() => client.destroy())

  const { statusCode } = await request(`${plane.url}/api/v1/agents/${agent.id}/work`, {
    method: 'HEAD',
    dispatcher: client,
    headers: { authorization: `Bearer ${agent.credential}` },
  })
  t.equal(statusCode, 404)
  t.match(await plane.operator.job(jobId), { status: 'Pending', attempt: 0 })
})

t.test('a wait is announced, and one that is no number is refused', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()

  const heard = await agent.post('/heartbeat', { features: ['wait'] })
  t.ok((heard.body['features'] as string[]).includes('wait'))
  t.match(heard.body, { poll_interval: 30, splay: Number })
  t.notOk('poll_interval' in (await agent.post('/heartbeat', {})).body)
  t.same((await agent.get('/work')).body, { jobs: [], count: 0 })
  t.equal((await agent.get('/work?wait=x')).status, 400)
  t.equal((await agent.get('/work?wait=-1')).status, 400)
})

t.test('where too many wait the next one gets what there is, and is told when to come', async (t) => {
  const store = await openStore({ dataDir: t.testdir({}) })
  t.teardown(() => store.close())
  const bell = new WorkBell(1)
  const turn = bell.enter('another')
  const wait = (waitMs: number) => waitOf({ store, bell }, waitMs)

  t.match(await wait(30_000), { jobs: [], isFull: true })
  turn?.leave()
  t.match(await wait(1), { jobs: [], isFull: false })
  t.equal(bell.count, 0)
  bell.close()
  t.match(await wait(30_000), { isFull: true }, 'nobody waits for a server that ends')
})

const lonely = agentRow({ id: 'a' })

function waitOf(parts: Parameters<typeof waitForWork>[0], waitMs: number): ReturnType<typeof waitForWork> {
  return waitForWork(parts, { agent: lonely, waitMs, again: async () => lonely, gone: new AbortController().signal })
}

async function untilHearing(t: Test, database: string): Promise<void> {
  const client = new Client({ connectionString: database })
  await client.connect()
  t.teardown(() => client.end())
  for (;;) {
    const { rowCount } = await client.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN %'")
    if (rowCount === 1) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

async function planeOf(t: Test, kind: 'SQLite' | 'PostgreSQL'): Promise<TestControlPlane> {
  return openTestControlPlane(t, { database: kind === 'SQLite' ? undefined : await postgres.newDatabase() })
}

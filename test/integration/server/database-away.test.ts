import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import t from 'tap'
import { Agent, request } from 'undici'
import { startControlPlane } from '../../../src/server/start-control-plane.ts'
import { deploymentFor, keepIn, openTestControlPlane } from '../../support/control-plane.ts'
import { startPostgres } from '../../support/postgres.ts'
import { startWaxseal } from '../../support/process.ts'
import { readyAs } from '../../support/ready-as.ts'

const postgres = await startPostgres(t)
keepIn(postgres)

t.test('while PostgreSQL is away an agent is told to come again, and then nothing is lost', async (t) => {
  const plane = await openTestControlPlane(t)
  const agent = await plane.enroll()
  const { jobId } = await deploymentFor(plane, agent)
  await agent.work()

  await postgres.kill()
  const away = [await agent.get('/work'), await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })]
  await postgres.start()

  for (const answer of away)
    t.match(answer, { status: 503, headers: { 'retry-after': /^[5-9]$/ }, body: { error: /database/ } })
  t.equal((await plane.operator.job(jobId)).status, 'Running')
  t.equal((await agent.post(`/jobs/${jobId}/status`, { status: 'Completed' })).status, 200)
  t.equal((await plane.operator.job(jobId)).status, 'Completed')
})

t.test('a server is not ready while PostgreSQL is stopped or takes no writes, and is again afterwards', async (t) => {
  const database = await postgres.newDatabase()
  const plane = await openTestControlPlane(t, { database })
  t.match(await readyAs(plane, 200), { body: { status: 'ready' } })
  const away = { status: 503, body: { status: 'not ready', missing: 'database' } }

  await postgres.stop()
  t.match(await readyAs(plane, 503), away)
  t.match(await plane.ask('GET', '/healthz', ''), { status: 200 }, 'the process is well')
  await postgres.start()
  t.match(await readyAs(plane, 200), { body: { status: 'ready' } })

  const name = new URL(database).pathname.slice(1)
  // As a standby is, to which the name of the database leads after a failure.
  const writes = 'default_transaction_read_only'
  await run(database, `ALTER DATABASE ${name} SET ${writes} = on`, hangUp)
  t.match(await readyAs(plane, 503), away, 'it reads, and takes no writes')
  const agents = await plane.ask('POST', '/operator/v1/tokens', plane.operatorToken, {})
  t.match(agents, { status: 503, headers: { 'retry-after': /./ } })
  await run(database, `SET ${writes} = off`, `ALTER DATABASE ${name} RESET ${writes}`, hangUp)
  t.match(await readyAs(plane, 200), { body: { status: 'ready' } })
})

t.test('a server ends while PostgreSQL is away, too', async (t) => {
  const database = await postgres.newDatabase()
  const plane = await openTestControlPlane(t, { database })
  const agent = await plane.enroll()
  // Heard, and not written yet.
  t.match(await agent.get('/work'), { status: 200 })
  await postgres.kill()
  try {
    await t.resolves(plane.close())
  } finally {
    await postgres.start()
  }
})

t.test('a control plane whose PostgreSQL cannot be reached says so and ends', async (t) => {
  const dataDir = t.testdir({})
  const start = () =>
    startControlPlane({
      dataDir,
      host: '127.0.0.1',
      port: 0,
      database: 'postgres://nobody@localhost/none?host=/nowhere',
    })

  await t.rejects(start(), { code: 'DATABASE_UNREACHABLE', details: { reason: /./ } })
  await t.rejects(start(), { code: 'DATABASE_UNREACHABLE' }, 'the first try has left no lock')
})

t.test('two control planes with one database and one CA hand out each job once', async (t) => {
  const database = await postgres.newDatabase()
  const dataDirs = t.testdir({ first: {}, second: {} })
  const first = await openTestControlPlane(t, { dataDir: join(dataDirs, 'first'), database })
  const agent = await first.enroll()
  const { certificateId, targetId } = await deploymentFor(first, agent)
  for (let count = 0; count < 9; count += 1) await first.operator.deploy(certificateId, targetId)
  for (const name of ['ca.pem', 'ca.key']) await cp(join(dataDirs, 'first', name), join(dataDirs, 'second', name))
  const second = await openTestControlPlane(t, { dataDir: join(dataDirs, 'second'), database })
  const other = second.agent(agent)

  const answers = await Promise.all([agent.work(), other.work(), agent.work(), other.work()])

  t.equal(new Set(answers.flat().map(({ id }) => id)).size, 10)
  t.equal(answers.flat().length, 10)
})

t.test('what one server revokes or exchanges is refused by another process with the next call', async (t) => {
  const database = await postgres.newDatabase()
  const dataDirs = t.testdir({ first: {}, second: {} })
  const [dataDir, otherDir] = [join(dataDirs, 'first'), join(dataDirs, 'second')]
  const plane = await openTestControlPlane(t, { dataDir, database })
  const agent = await plane.enroll()
  for (const name of ['ca.pem', 'ca.key']) await cp(join(dataDir, name), join(otherDir, name))
  const serve = ['serve', '--data-dir', otherDir, '--listen', '127.0.0.1:0', '--database', database]
  const other = startWaxseal(['control-plane', ...serve])
  await other.waitFor(({ text }) => String(text).startsWith('The control plane listens'))
  const client = new Agent({ connect: { ca: plane.caPem } })
  t.teardown(async () => {
    await client.destroy()
    other.kill('SIGTERM')
    await other.exited
  })
  const url = (await readFile(join(otherDir, 'url'), 'utf8')).trim()
  const statusAtOther = async (credential: string): Promise<number> => {
    const headers = { authorization: `Bearer ${credential}` }
    const { statusCode, body } = await request(`${url}/api/v1/agents/${agent.id}/work`, { dispatcher: client, headers })
    await body.dump()
    return statusCode
  }

  t.equal(await statusAtOther(agent.credential), 200)
  const newer = String((await agent.post('/credential', undefined)).body['api_key'])
  t.equal((await plane.agent({ ...agent, credential: newer }).get('/work')).status, 200)
  t.equal(await statusAtOther(agent.credential), 401, 'it was exchanged')
  t.equal(await statusAtOther(newer), 200)
  await plane.operator.revokeCredentials(agent.id)
  t.equal(await statusAtOther(newer), 401, 'it was revoked')
})

/** All others of this database have to connect anew. */
const hangUp =
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'

async function run(database: string, ...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: database })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

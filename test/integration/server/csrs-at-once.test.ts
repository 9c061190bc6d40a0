import { Client } from 'pg'
import t from 'tap'
import { claimWork } from '../../../src/server/operation/job/claim-work.ts'
import { openStore } from '../../../src/server/store/open-store.ts'
import { type Answer, openTestControlPlane } from '../../support/control-plane.ts'
import { newCsr } from '../../support/csr.ts'
import { startPostgres } from '../../support/postgres.ts'

t.test('CSRs that wait for a row of PostgreSQL leave connections to polls, and are all answered then', async (t) => {
  const database = await (await startPostgres(t, false)).newDatabase()
  const plane = await openTestControlPlane(t, { database })
  const [busy, idle] = [await plane.enroll('busy'), await plane.enroll('idle')]
  const wanted = { agent_id: busy.id, common_name: 'mail.example.net' }
  const { certificate_id: certificateId } = await plane.operator.requestCertificate(wanted)
  const csr = { certificate_id: certificateId, csr_pem: await newCsr(['mail.example.net']) }
  const other = new Client({ connectionString: database })
  await other.connect()
  t.teardown(() => other.end())

  await other.query('BEGIN')
  await other.query('SELECT 1 FROM certificate FOR UPDATE')
  const sent = Array.from({ length: 40 }, () => busy.post('/csr', csr))
  while ((await waitingAtLocks(other)) < 3) await new Promise((resolve) => setImmediate(resolve))
  const polls: Answer[] = []
  for (let count = 0; count < 20; count += 1) polls.push(await idle.get('/work'))
  const waiting = await waitingAtLocks(other)
  await other.query('COMMIT')

  t.same([...new Set(polls.map(({ status }) => status))], [200])
  t.equal(waiting, 3)
  t.same([...new Set((await Promise.all(sent)).map(({ status }) => status))], [202])
})

t.test('an agent that is asked for CSRs alone is told so without a transaction', async (t) => {
  const plane = await openTestControlPlane(t)
  const { id } = await plane.enroll()
  const wanted = await plane.operator.requestCertificate({ agent_id: id, common_name: 'mail.example.net' })
  await plane.close()
  const store = await openStore({ dataDir: plane.dataDir })
  t.teardown(() => store.close())
  const agent = await store.agents.named(id)
  if (agent === null) throw new Error('there is no agent')
  const transaction = (): never => {
    throw new Error('a poll waits for those who write')
  }

  const [item, ...others] = await claimWork({ store: { ...store, transaction } }, agent)

  t.match(item, { job: { id: wanted.job_id, status: 'AwaitingCSR' }, certificate: { commonName: 'mail.example.net' } })
  t.same(others, [])
})

async function waitingAtLocks(client: Client): Promise<number> {
  const { rows } = await client.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
  return Number(rows[0]?.count)
}

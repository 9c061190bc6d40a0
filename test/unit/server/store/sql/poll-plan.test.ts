import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AcmeOrderRow } from '../../../../../src/server/store/acme-order-store.ts'
import type { Database, Value } from '../../../../../src/server/store/database.ts'
import { migrate } from '../../../../../src/server/store/migration/migrate.ts'
import { sqlStore } from '../../../../../src/server/store/sql/sql-store.ts'
import { openSqlite } from '../../../../../src/server/store/sqlite/open-sqlite.ts'
import type { Store } from '../../../../../src/server/store/store.ts'
import { agentRow, certificateRow } from '../../../../support/store-site.ts'

const order: AcmeOrderRow = {
  id: 'order-1',
  signingId: 'signing-1',
  issuer: 'ca',
  certificateId: 'cert-1',
  names: 'mail.example.net',
  state: 'open',
  url: null,
  proofs: [],
  failedNames: '',
  error: null,
  createdAt: 0,
  endedAt: null,
  leaseUntil: null,
  tidyAt: null,
}

t.test('what a poll and a heartbeat ask for reads no job that has ended, however many an agent had', async (t) => {
  const readings = await readingsOf(t, async ({ jobs }) => {
    await jobs.newsFor('agent-1', 0)
    await jobs.awaitingCsr('agent-1', 0, 10)
    await jobs.cancelRequests('agent-1')
  })

  const ofJobs = readings.filter((reading) => /^(SEARCH|SCAN) job /.test(reading))
  t.equal(ofJobs.length, 4)
  for (const reading of ofJobs) t.match(reading, /USING (COVERING )?INDEX job_(open|to_cancel) /)
  for (const reading of readings) t.match(reading, /^SEARCH .* USING (COVERING )?INDEX /)
})

t.test('who is named is found without reading all', async (t) => {
  const readings = await readingsOf(t, async ({ agents, certificates, targets }) => {
    await agents.named('mail-1')
    await targets.named('postfix')
    await certificates.named('mail.example.net')
  })

  t.equal(readings.length, 6)
  for (const reading of readings) t.match(reading, /^SEARCH .* USING INDEX/)
})

t.test('old CSRs, and old orders and failed orders at CAs, are found by indices of their own', async (t) => {
  const readings = await readingsOf(t, async ({ acmeOrders, agents, certificates, signings }) => {
    await acmeOrders.forget(0)
    await signings.forget(0, 10)
    const failures = { most: 5, perMs: 3_600_000 }
    const week = { most: 50, perMs: 604_800_000 }
    await agents.add(agentRow())
    await certificates.add(certificateRow(), [])
    await acmeOrders.begin(order, { sameNames: null, registeredDomain: week, orders: null, failures }, ['example.net'])
  })

  t.match(readings.join('\n'), /INDEX acme_order_ended /)
  t.match(readings.join('\n'), /INDEX acme_order_failed /)
  t.match(readings.join('\n'), /INDEX acme_order_of_domain /)
  t.match(readings.join('\n'), /INDEX signing_ended /)
})

/** How SQLite reads for what these calls ask. */
async function readingsOf(t: Test, call: (store: Store) => Promise<void>): Promise<readonly string[]> {
  const db = openSqlite(join(t.testdir(), 'control-plane.db'), () => 0)
  t.teardown(() => db.close())
  await migrate(db, async () => {})
  const asked: (readonly [sql: string, values: readonly Value[]])[] = []
  const watch = (one: Database): Database => ({
    ...one,
    query: (sql, values = []) => {
      asked.push([sql, values])
      return one.query(sql, values)
    },
    transaction: (work) => one.transaction((inside) => work(watch(inside))),
  })

  await call(sqlStore(watch(db)))

  const plans = await Promise.all(asked.map(([sql, values]) => db.query(`EXPLAIN QUERY PLAN ${sql}`, values)))
  const steps = plans.flat().map(({ detail }) => String(detail))
  return steps.filter((step) => /^(SEARCH|SCAN)/.test(step))
}

import { join } from 'node:path'
import t from 'tap'
import type { Database, Value } from '../../../../../src/server/store/database.ts'
import { migrate } from '../../../../../src/server/store/migration/migrate.ts'
import { sqlStore } from '../../../../../src/server/store/sql/sql-store.ts'
import { openSqlite } from '../../../../../src/server/store/sqlite/open-sqlite.ts'

t.test('what a poll and a heartbeat ask for reads no job that has ended, however many an agent had', async (t) => {
  const db = openSqlite(join(t.testdir(), 'control-plane.db'), () => 0)
  t.teardown(() => db.close())
  await migrate(db, async () => {})
  const asked: (readonly [sql: string, values: readonly Value[]])[] = []
  const watched: Database = {
    ...db,
    query: (sql, values = []) => {
      asked.push([sql, values])
      return db.query(sql, values)
    },
  }

  const { jobs } = sqlStore(watched)
  await jobs.workFor('agent-1', 0)
  await jobs.awaitingCsr('agent-1', 0, 10)
  await jobs.cancelRequests('agent-1')

  t.equal(asked.length, 3)
  for (const [sql, values] of asked) {
    const steps = (await db.query(`EXPLAIN QUERY PLAN ${sql}`, values)).map(({ detail }) => String(detail))
    const readings = steps.filter((step) => /^(SEARCH|SCAN)/.test(step))
    t.match(readings, [/USING (COVERING )?INDEX job_(open|to_cancel) /], sql)
    t.equal(readings.length, 1)
  }
})

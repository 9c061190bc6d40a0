import { performance } from 'node:perf_hooks'
import t from 'tap'
import { openPostgres } from '../../../src/server/store/postgres/open-postgres.ts'
import { startPostgres } from '../../support/postgres.ts'

/** All that one process has. */
const connections = 10

const postgres = await startPostgres(t, false)

// Symptom: calls were answered 503 after five seconds, fourteen of them with a job for each of 200 agents. Cause: every ten seconds whoever
// asked for the time waited for a question to the database, on a connection of its own, in a transaction as well; where transactions had
// all connections, none came free.
t.test('transactions that have all connections are told the time when the database is to be asked again', async (t) => {
  const db = openPostgres(await postgres.newDatabase())
  t.teardown(() => db.close())
  await db.now()
  const allThere = Promise.withResolvers<void>()
  let there = 0
  const isLater = passTime(11_000)
  t.teardown(isLater.end)

  const times = await Promise.all(
    Array.from({ length: connections }, () =>
      db.transaction(async (inside) => {
        await inside.query('SELECT 1 AS one')
        there += 1
        if (there === connections) {
          isLater.begin()
          allThere.resolve()
        }
        await allThere.promise
        return inside.now()
      }),
    ),
  )

  t.equal(times.filter((at) => at > Date.parse('2026-01-01T00:00:00Z')).length, connections)
})

/** From `begin` on the process counts so much time as passed. */
function passTime(ms: number) {
  const now = performance.now.bind(performance)
  return {
    begin: () => {
      performance.now = () => now() + ms
    },
    end: () => {
      performance.now = now
    },
  }
}

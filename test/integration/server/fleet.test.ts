import { join } from 'node:path'
import t from 'tap'
import { openFleetSite } from '../../../bench/support/fleet/fleet-site.ts'
import { linesOf } from '../../../bench/support/fleet/print-fleet.ts'
import { runFleet } from '../../../bench/support/fleet/run-fleet.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../../src/host/file/plain-files.ts'
import { startPostgres } from '../../support/postgres.ts'

/** A small size of `npm run soak:fleet`, whose waits are short: what is counted must be right on any machine, however busy. */
const agents = 200
const csrs = 40
const plan = {
  agents,
  processes: 2,
  pollIntervalMs: 1000,
  pollWaitMs: 3000,
  heartbeatIntervalMs: 5000,
  steadyMs: 4000,
  csrs,
  outageMs: 2000,
  mostMs: 5 * 60_000,
}

for (const store of ['sqlite', 'two replicas'] as const)
  t.test(
    `of ${agents} agents on ${store} nobody loses a job, and none is done twice, from their start to an outage`,
    async (t) => {
      const base = await makeTemporaryFolder('wx-fleet-')
      t.teardown(() => removeTree(base))
      const postgres = store === 'sqlite' ? null : await startPostgres(t, false)
      const folder = join(base, 'fleet')
      await makeFolder(folder)
      const site = await openFleetSite(folder, store, postgres, { agents, history: 1000 })
      t.teardown(() => site.close())

      const figures = await runFleet(site, plan)

      const { start, jobs, away } = figures
      t.same([start.heard, start.failed], [agents, 0], 'all at once, and each is heard')
      t.match(jobs, { asked: agents, completed: agents, otherwise: 0, done: agents, twice: 0 })
      t.match(figures.csrs, { asked: csrs, taken: csrs, signed: csrs })
      t.equal(away?.agentsBack, agents)
      for (const line of linesOf(store, figures)) t.comment(line)
    },
  )

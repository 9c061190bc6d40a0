import { join } from 'node:path'
import type { Test } from 'tap'
import { type FleetStore, openFleetSite } from '../../bench/support/fleet/fleet-site.ts'
import { linesOf } from '../../bench/support/fleet/print-fleet.ts'
import { runFleet } from '../../bench/support/fleet/run-fleet.ts'
import { makeFolder, makeTemporaryFolder, removeTree } from '../../src/host/file/plain-files.ts'
import { startPostgres } from './postgres.ts'

const agents = 200
const csrs = 40

/** A small size of `npm run soak:fleet`, whose waits are short: what is counted must be right on any machine, however busy. */
const plan = {
  agents,
  processes: 2,
  pollIntervalMs: 1000,
  pollWaitMs: 3000,
  heartbeatIntervalMs: 5000,
  steadyMs: 2000,
  csrs,
  outageMs: 2000,
  mostMs: 4 * 60_000,
}

/** 200 agents from their start, all at once, to an outage: each is heard and comes back, no job is lost, none is done twice. */
export async function countFleet(t: Test, store: FleetStore): Promise<void> {
  const base = await makeTemporaryFolder('wx-fleet-')
  t.teardown(() => removeTree(base))
  const postgres = store === 'sqlite' ? null : await startPostgres(t, false)
  const folder = join(base, 'fleet')
  await makeFolder(folder)
  const site = await openFleetSite(folder, store, postgres, { agents, history: 1000 })
  t.teardown(() => site.close())

  const figures = await runFleet(site, plan)

  for (const line of linesOf(store, figures)) t.comment(line)
  t.equal(figures.start.heard, agents, 'each is heard')
  t.match(figures.jobs, { asked: agents, completed: agents, otherwise: 0, done: agents, twice: 0 })
  t.match(figures.csrs, { asked: csrs, taken: csrs, signed: csrs })
  t.equal(figures.away?.agentsBack, agents, 'each comes back')
}

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeFolder, makeTemporaryFolder, removeTree } from '../src/host/file/plain-files.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { type FleetStore, openFleetSite } from './support/fleet/fleet-site.ts'
import { linesOf } from './support/fleet/print-fleet.ts'
import { type FleetFigures, type FleetPlan, runFleet } from './support/fleet/run-fleet.ts'
import { thisProcessor } from './support/processor.ts'

// `npm run bench:fleet -- [--agents N] [--history N] [--stores 'sqlite,postgres,two replicas'] [--processes N] [--steady S] [--csrs N]
// [--outage S] [--out FILE]`: agents that run the courier's own loops against a control plane, from their start, all at once, to an
// outage. All ends with what was counted; figures are of the machine that they were measured on.
const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '500' },
    /** Finished jobs that are there before. */
    history: { type: 'string', default: '10000' },
    stores: { type: 'string', default: 'sqlite,postgres,two replicas' },
    processes: { type: 'string', default: '2' },
    steady: { type: 'string', default: '60' },
    csrs: { type: 'string', default: '50' },
    /** 0: none. */
    outage: { type: 'string', default: '30' },
    /** JSON. */
    out: { type: 'string' },
  },
})

const stores: readonly FleetStore[] = ['sqlite', 'postgres', 'two replicas']
const [agents, history] = [Number(values.agents), Number(values.history)]
const plan: FleetPlan = {
  agents,
  processes: Number(values.processes),
  pollIntervalMs: 30_000,
  pollWaitMs: 30_000,
  heartbeatIntervalMs: 60_000,
  steadyMs: Number(values.steady) * 1000,
  csrs: Math.min(agents, Number(values.csrs)),
  outageMs: Number(values.outage) * 1000,
  mostMs: 20 * 60_000,
}

const dir = await makeTemporaryFolder('wx-fleet-')
const endings: (() => unknown)[] = []
try {
  const figures: Record<string, FleetFigures> = {}
  for (const store of stores.filter((one) => values.stores.split(',').includes(one))) {
    const base = join(dir, store.replace(' ', '-'))
    await makeFolder(base)
    const postgres = store === 'sqlite' ? null : await startPostgres({ teardown: (end) => endings.push(end) })
    const site = await openFleetSite(base, store, postgres, { agents, history })
    try {
      const measured = await runFleet(site, plan)
      figures[store] = measured
      for (const line of linesOf(store, measured)) process.stdout.write(`${line}\n`)
    } finally {
      await site.close()
    }
  }
  if (values.out !== undefined)
    await writeFile(values.out, `${JSON.stringify({ ...thisProcessor(), plan, history, figures }, null, 2)}\n`)
} finally {
  for (const end of endings) await end()
  await removeTree(dir)
}

import type { Config } from '../config/config.ts'
import { isUnwired, type Listener } from '../connector/wiring/wiring.ts'
import type { Engine } from '../deployer/engine.ts'
import { readTargetNames } from '../deployer/find-target.ts'
import type { ShownHost } from '../documents/shown-host.ts'
import { freeSpace } from '../host/file/free-space.ts'
import { openReserve } from '../host/file/write/reserve.ts'
import { whoRenews } from '../outcome/lifetime.ts'
import { examineConnectors } from './examine-connectors.ts'
import { type AskedControlPlane, examineClock, examineControlPlane, examineReports } from './examine-control-plane.ts'
import { examineDane } from './examine-dane.ts'
import { examineDiscovery } from './examine-discovery.ts'
import { examineFolders } from './examine-folders.ts'
import { examineInstances } from './examine-instances.ts'
import { examineJournal } from './examine-journal.ts'
import { examineKeys } from './examine-keys.ts'
import { examineMtaSts } from './examine-mta-sts.ts'
import { examineOrders } from './examine-orders.ts'
import { examineOwnTargets } from './examine-own-targets.ts'
import { examinePolicy } from './examine-policy.ts'
import { examineTargets } from './examine-targets.ts'
import { examineUnits } from './examine-units.ts'
import { examineWiring, findWiring } from './examine-wiring.ts'
import type { Finding } from './finding.ts'

/** The wiring of one daemon. */
export interface FoundWiring {
  /** `nginx`; `nginx, instance web`. */
  readonly connector: string
  readonly listeners: readonly Listener[]
}

/** What was found. */
export interface Examination {
  readonly findings: readonly Finding[]
  readonly wiring: readonly FoundWiring[]
}

/** What is looked at. */
export interface ExamineOptions extends AskedControlPlane {
  readonly config: Config
  readonly engine: Engine
  /** What the deployer shows; null: nothing yet. */
  readonly shown: ShownHost | null
}

/** Looks at everything that a deployment depends on. Changes nothing. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const wiring = await findWiring(options.engine)
  const names = await readTargetNames(options.engine)
  const records = (await options.engine.records.list()).map(({ document }) => document)
  return {
    findings: [
      { what: 'configuration', verdict: 'ok', detail: `state in ${options.config.stateDir}` },
      await examineState(options),
      await examineJournal(options.engine, names),
      ...(await examineConnectors(options.engine)),
      await examinePolicy(options.config, records),
      ...(await examineOrders(options.engine, records)),
      await examineFolders(options.config, records, wiring),
      await examineKeys(options.config, records),
      ...(await examineDiscovery(options.config)),
      await examineControlPlane(options),
      examineClock(options),
      ...examineReports(options.shown),
      await examineUnits(records),
      ...(await Promise.all(wiring.map((asked) => examineWiring(asked, options.engine.hostView)))),
      ...(await examineInstances(options.engine)),
      ...examineOwnTargets(options.engine),
      ...(await examineMtaSts(options.config, records)),
      ...(await examineDane(options.engine, records)),
      { what: 'renewal', verdict: 'ok', detail: whoRenews },
      ...(await examineTargets(options.engine, names)),
    ],
    wiring: wiring.flatMap(({ connector, found }) =>
      isUnwired(found) ? [] : [{ connector, listeners: found.listeners }],
    ),
  }
}

const leastBytes = 16 * 1024 * 1024

async function examineState({ config }: ExamineOptions): Promise<Finding> {
  const what = 'state directory'
  try {
    await openReserve(`${config.stateDir}/reserve`).ensure()
    const free = await freeSpace(config.stateDir)
    const mb = `${Math.floor(free / 1024 / 1024)} MB free`
    if (free >= leastBytes) return { what, verdict: 'ok', detail: mb }
    return { what, verdict: 'warning', detail: `only ${mb} in ${config.stateDir}: make room` }
  } catch (error) {
    return { what, verdict: 'failed', detail: `${(error as Error).message}: make it writable for the agent` }
  }
}

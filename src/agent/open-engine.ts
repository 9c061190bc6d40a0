import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { builtInConnectors } from '../connector/built-in.ts'
import { createRegistry } from '../connector/registry.ts'
import type { Clock } from '../host/clock.ts'
import { createHostView } from '../host/host-view.ts'
import { openDeploymentRecords } from '../journal/deployment-record.ts'
import { openJournal } from '../journal/journal.ts'
import type { Engine } from './engine.ts'

/** The engine of this host: its connectors, its policy, its state directory. */
export async function openEngine(config: Config, clock: Clock): Promise<Engine> {
  return {
    registry: createRegistry(builtInConnectors),
    policy: config.policy,
    hostView: createHostView(config.timeouts.checkMs),
    journal: await openJournal(join(config.stateDir, 'journal')),
    records: await openDeploymentRecords(join(config.stateDir, 'deployments')),
    clock,
    timeouts: config.timeouts,
  }
}

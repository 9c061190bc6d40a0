import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import { tryLock } from '../host/file/file-lock.ts'
import { createHostView } from '../host/host-view.ts'
import { systemRoots } from '../host/system-roots.ts'
import { openArchive } from '../journal/archive.ts'
import { openDeploymentRecords } from '../journal/deployment-record.ts'
import { type HistoryLine, openHistory } from '../journal/history.ts'
import { openJournal } from '../journal/journal.ts'
import { parseRoots } from '../material/trusted-by.ts'
import type { Engine } from './engine.ts'
import { loadConnectors } from './load-connectors.ts'
import { openStateFolder } from './open-state-folder.ts'
import { openOrderMemory } from './order/order-memory.ts'
import { checkOwnTargets } from './propose/own-targets.ts'
import { openReloadRate } from './reload-rate.ts'
import { openTurns } from './turns.ts'

/** An engine whose policy and limits can be replaced between two deployments. */
export interface ConfiguredEngine extends Engine {
  reconfigure(
    config: Pick<Config, 'policy' | 'instances' | 'timeouts' | 'parallelServices' | 'hostTargets' | 'targetsDir'>,
  ): void
}

/** The engine of this host: its connectors, its policy, its state directory. `onEnd` is told of each deployment that ends. */
export async function openEngine(
  config: Config,
  clock: Clock,
  onEnd: (line: HistoryLine) => void = () => {},
): Promise<ConfiguredEngine> {
  let { policy, instances, timeouts, parallelServices, targetsDir } = config
  const registry = await loadConnectors(config.connectors, config.timeouts.checkMs)
  let ownTargets = checkOwnTargets(config.hostTargets, registry)
  await openStateFolder(config.stateDir)
  const lockFile = join(config.stateDir, 'deploy.lock')
  const folders = await openFolders(config.stateDir, lockFile, clock)
  const history = openHistory(join(config.stateDir, 'history.jsonl'))
  return {
    registry,
    get policy() {
      return policy
    },
    get instances() {
      return instances
    },
    get ownTargets() {
      return ownTargets
    },
    get targetsDir() {
      return targetsDir
    },
    get timeouts() {
      return timeouts
    },
    get parallelServices() {
      return parallelServices
    },
    reconfigure: (next) => {
      ;({ policy, instances, timeouts, parallelServices, targetsDir } = next)
      ownTargets = checkOwnTargets(next.hostTargets, registry)
    },
    trustedRoots: once(() => parseRoots(systemRoots())),
    hostView: createHostView(config.timeouts.checkMs, () => policy.passwordDir),
    ...folders,
    history: {
      ...history,
      append: async (line) => {
        onEnd(line)
        await history.append(line)
      },
    },
    turns: openTurns(lockFile, clock),
    clock,
  }
}

/**
 * An engine for what needs no connector, recovery above all, which the journal tells everything: one that cannot be loaded does not
 * stop it. Those that can are asked which commands are their own.
 */
export async function openForRecovery(config: Config, clock: Clock): Promise<Engine> {
  return openEngine(config, clock).catch((error: unknown) => {
    if (!(error instanceof WaxsealError) || error.code !== 'CONNECTOR_INVALID') throw error
    return openEngine({ ...config, connectors: [] }, clock)
  })
}

/** While another process deploys, what looks half written may be its file. */
async function openFolders(
  stateDir: string,
  lockFile: string,
  clock: Clock,
): Promise<Pick<Engine, 'journal' | 'records' | 'archive' | 'reloadRate' | 'orders'>> {
  const lock = tryLock(lockFile)
  const isShared = lock === null
  try {
    return {
      journal: await openJournal(join(stateDir, 'journal'), isShared),
      records: await openDeploymentRecords(join(stateDir, 'deployments'), isShared),
      archive: await openArchive(join(stateDir, 'archive'), isShared),
      reloadRate: await openReloadRate(join(stateDir, 'reloads'), clock, isShared),
      orders: await openOrderMemory(join(stateDir, 'orders'), isShared),
    }
  } finally {
    lock?.release()
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { makeClientRequest } from '../../src/cli/control-plane/client-request.ts'
import { ownAcmeOf } from '../../src/cli/half/own-acme.ts'
import type { Config } from '../../src/config/config.ts'
import { type CourierParts, runCourier } from '../../src/courier/courier.ts'
import { type Deployer, openDeployer } from '../../src/courier/deployer.ts'
import { openProgress, type Progress } from '../../src/courier/progress.ts'
import { initialState } from '../../src/courier/state.ts'
import { openEngine } from '../../src/deployer/open-engine.ts'
import { runDeployer } from '../../src/deployer/serve/run-deployer.ts'
import { readShownHost } from '../../src/documents/read-shown-host.ts'
import type { Clock } from '../../src/host/clock.ts'
import { hostFacts } from '../../src/host/host-facts.ts'
import { version } from '../../src/version.ts'

/** Courier and deployer in this process, with the socket between them. */
export interface BothHalves {
  /** The deployer, as the courier asks it. */
  readonly deployer: Deployer
  /** Rejects where a half fails; resolves at the end. */
  readonly ended: Promise<void>
  /** Ends the courier, then the deployer. */
  stop(): Promise<void>
}

/** What a test or a bench decides of them. */
export interface HalvesParts extends Pick<CourierParts, 'controlPlane' | 'pollIntervalMs' | 'heartbeatIntervalMs'> {
  /** Left out: no call waits, for a clock that is faked waits for nobody. */
  readonly pollWaitMs?: number
  /** Left out: as it was enrolled. */
  readonly clientCertificate?: boolean
  /** Left out: nobody looks at it. */
  readonly progress?: Progress
  readonly config: Config
  readonly clock: Clock
  readonly log: Logger
}

/** Starts both; no boot, no drift watch. */
export async function startBothHalves(parts: HalvesParts): Promise<BothHalves> {
  const { config, clock, log } = parts
  // Not below the state directory: the length of a socket's name is bounded.
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-'))
  const path = join(folder, 's')
  const [stop, leave] = [new AbortController(), new AbortController()]
  const ready = Promise.withResolvers<void>()
  const deploying = runDeployer({
    config,
    engine: await openEngine(config, clock),
    searchedFolders: async () => config.discovery.folders,
    clock,
    log,
    listen: { path },
    idleMs: null,
    stop: leave.signal,
    leave: leave.signal,
    onBatch: async () => {},
    onProgress: () => {},
    onReady: async () => ready.resolve(),
  })
  deploying.catch(ready.reject)
  await ready.promise
  const deployer = openDeployer(path)
  const carrying = runCourier({
    pollWaitMs: 0,
    clientCertificate: null,
    progress: openProgress(),
    ...parts,
    deployer,
    readShown: () => readShownHost(config.stateDir),
    state: initialState(),
    facts: hostFacts(version),
    machine: 'a'.repeat(64),
    makeClientRequest,
    driftWatch: null,
    readAcme: () => ownAcmeOf(config),
    isSearching: config.discovery.folders.length > 0,
    isBoot: false,
    stop: stop.signal,
  })
  return {
    deployer,
    ended: Promise.all([carrying, deploying]).then(() => {}),
    stop: async () => {
      stop.abort()
      await carrying
      leave.abort()
      await deploying
      await rm(folder, { recursive: true, force: true })
    },
  }
}

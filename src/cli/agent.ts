import { join } from 'node:path'
import { Command } from 'commander'
import { type Logger, pino } from 'pino'
import { runAgent } from '../agent/agent.ts'
import { openKeyRequests } from '../agent/key-requests.ts'
import { openEngine } from '../agent/open-engine.ts'
import { type AgentState, initialState } from '../agent/state.ts'
import type { Config } from '../config/config.ts'
import { readCredential } from '../config/credential.ts'
import { type ControlPlane, openControlPlane } from '../control-plane/open-control-plane.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { systemClock } from '../host/clock.ts'
import { hostFacts } from '../host/host-facts.ts'
import { openInbox } from '../inbox/inbox.ts'
import { openKeyStore } from '../material/key-store.ts'
import { openOutbox } from '../outbox/outbox.ts'
import { startStatusServer } from '../status/status-server.ts'
import { version } from '../version.ts'
import { configOf, environment, withConfig } from './context.ts'
import { readCa } from './read-ca.ts'

/** A running deployment has this long after SIGTERM, in milliseconds; systemd waits 120 s. */
const drainMs = 90_000

/** `waxseal agent`: the daemon. */
export function agentCommand(): Command {
  return withConfig(new Command('agent'))
    .description('Poll the control plane, deploy what it has, and report; until SIGTERM.')
    .addHelpText(
      'after',
      '\nSIGTERM stops polling and waits for the running deployment. A retired agent ends with status 0.',
    )
    .action(async (options: { readonly config?: string }) => runDaemon(await configOf(options)))
}

async function runDaemon(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  const controlPlane = await connect(config)
  const stop = stopSignal(log)
  const state = initialState()
  const engine = await openEngine(config, systemClock)
  const inbox = await openInbox(join(config.stateDir, 'inbox'), systemClock)
  const outbox = await openOutbox({
    path: join(config.stateDir, 'outbox'),
    deadPath: join(config.stateDir, 'dead'),
    clock: systemClock,
  })
  const readStatus = async (): Promise<object> => ({
    v: 1,
    version,
    ...(state satisfies AgentState),
    inbox: (await inbox.pending()).length,
    outbox: await outbox.depth(),
    deadLetters: (await outbox.deadLetters()).map(({ report, refusal }) => ({ job: report.jobId, refusal })),
    deployments: (await engine.records.list()).map(({ document }) => document),
    setAside: [...engine.journal.setAside, ...engine.records.setAside, ...inbox.setAside],
  })
  const status = config.status === null ? null : await startStatusServer(config.status, readStatus)
  log.info({ version, stateDir: config.stateDir }, 'agent starts')
  await runAgent({
    engine,
    inbox,
    outbox,
    keys: await openKeyStore(config.keyDir ?? join(config.stateDir, 'keys')),
    keyRequests: await openKeyRequests(join(config.stateDir, 'requests')),
    controlPlane,
    clock: systemClock,
    log,
    state,
    facts: hostFacts(version),
    pollIntervalMs: config.pollIntervalMs,
    heartbeatIntervalMs: config.heartbeatIntervalMs,
    stop,
  })
  await status?.close()
  await controlPlane.close()
  log.info({ retired: state.retired }, 'agent ends')
  process.exit(0)
}

async function connect({ controlPlane: config }: Config): Promise<ControlPlane> {
  if (config === null || config.agentId === null) {
    const path = config === null ? 'control_plane' : 'control_plane.agent_id'
    throw new WaxsealError('CONFIG_INVALID', { path, reason: 'it is missing', hint: 'Run waxseal enroll first.' })
  }
  const credential = await readCredential(config, environment())
  return openControlPlane({ url: config.url, ca: await readCa(config.caFile), agentId: config.agentId, credential })
}

/** The first signal begins the drain; later ones change nothing (law 7). */
function stopSignal(log: Logger): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) return
      log.info({ signal: name }, 'draining')
      stop.abort()
      setTimeout(() => process.exit(1), drainMs).unref()
    })
  }
  return stop.signal
}

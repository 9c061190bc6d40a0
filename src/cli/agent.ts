import { join } from 'node:path'
import { Command } from 'commander'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { runAgent } from '../courier/agent.ts'
import { hourlyFor } from '../courier/drift-watch.ts'
import { feedWatchdog } from '../courier/feed-watchdog.ts'
import { openProgress } from '../courier/progress.ts'
import { type AgentState, initialState, statusLine } from '../courier/state.ts'
import { type ConfiguredEngine, openEngine, openForRecovery } from '../deployer/open-engine.ts'
import { openStateFolder } from '../deployer/open-state-folder.ts'
import { recover } from '../deployer/recover.ts'
import { busy } from '../deployer/turns.ts'
import { openKeyRequests } from '../deployer/work/key-requests.ts'
import { asWaxsealError, describeError } from '../error/waxseal-error.ts'
import { systemClock } from '../host/clock.ts'
import { type FileLock, tryLock } from '../host/file/file-lock.ts'
import { openReserve } from '../host/file/reserve.ts'
import { hostFacts, localHostname, secondsSinceBoot } from '../host/host-facts.ts'
import { standardOutput, writeToStandardOutput } from '../host/process/log-stream.ts'
import { openServiceManager } from '../host/process/service-manager.ts'
import { goOnWithoutCompilers } from '../host/process/without-compilers.ts'
import { openInbox } from '../inbox/inbox.ts'
import type { HistoryLine } from '../journal/history.ts'
import { openLog } from '../log/open-log.ts'
import { openKeyStore } from '../material/key-store.ts'
import { openOutbox } from '../outbox/outbox.ts'
import { openMetrics } from '../status/metrics.ts'
import type { StatusDocument } from '../status/status-document.ts'
import { type StatusServer, type StatusSource, startStatusServer } from '../status/status-server.ts'
import { version } from '../version.ts'
import { configOf, environment, withConfig } from './context.ts'
import { isEnrolled, type Link, openLink } from './link.ts'
import { effectiveBeforeUs } from './own-environment.ts'
import { type ReloadProblems, readStatus } from './read-status.ts'
import { mayColour } from './terminal.ts'
import { watchForEnrolment } from './watch-for-enrolment.ts'

/** A running deployment has this long after SIGTERM, in milliseconds; systemd waits 120 s. */
const drainMs = 90_000

/** Started by systemd within this time after the boot, in seconds, the agent is one of many that come back. */
const bootSeconds = 300

/** `waxseal agent`: the daemon. */
export function agentCommand(): Command {
  return withConfig(new Command('agent'))
    .description('Poll the control plane, deploy what it has, and report; until SIGTERM.')
    .addHelpText(
      'after',
      '\nWithout a control plane it watches the host, and goes on by itself once waxseal enroll has configured one.\nSIGTERM stops polling and waits for the running deployment. A retired agent ends with status 0.',
    )
    .action(runDaemon)
}

async function runDaemon(options: { readonly config?: string }): Promise<void> {
  let config = await configOf(options)
  let reload: ReloadProblems = { invalid: null, waiting: [] }
  const form = standardOutput(environment()['JOURNAL_STREAM'])
  const log = await openLog({ level: config.logLevel, form, colours: mayColour(), write: writeToStandardOutput })
  const lock = await holdState(config.stateDir)
  const stop = stopSignal(log)
  const manager = openServiceManager(environment())
  const progress = openProgress()
  const state = initialState()
  const metrics = openMetrics()
  const onEnd = (line: HistoryLine): void => {
    metrics.count(line)
    log[levelOf(line)](endOf(line), 'deployment ends')
  }
  const { link, engine } = await openBoth(config, onEnd).catch(async (error: unknown) => {
    await recoverAlone(config, log)
    throw error
  })
  const inbox = await openInbox(join(config.stateDir, 'inbox'), systemClock)
  const outbox = await openOutbox({
    path: join(config.stateDir, 'outbox'),
    deadPath: join(config.stateDir, 'dead'),
    clock: systemClock,
  })
  const read = (): Promise<StatusDocument> => readStatus({ config, engine, spool: { inbox, outbox }, state, reload })
  const status = await serveStatus(config, { readStatus: read, metrics }, log)
  const takeOver = async (): Promise<void> => {
    const next = await readAgain(options, config, link, log)
    config = next.config
    reload = next.reload
    engine.reconfigure(config)
    await enrol(link, config, state, log)
    await manager.notify(`STATUS=${statusText(link, config)}`)
  }
  process.on('SIGHUP', () => void takeOver())
  goOnWithoutCompilers()
  log.info({ version, stateDir: config.stateDir }, 'agent starts')
  const { discoveryDirs } = config
  if (discoveryDirs.length > 0)
    log.info({ discoveryDirs }, 'no folder is searched for certificates: this agent has no discovery')
  if (/^(1|true|yes|on)$/i.test(environment()['CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY'] ?? ''))
    log.warn(
      { hint: 'Name the CA of the control plane as CERTCTL_SERVER_CA_BUNDLE_PATH.' },
      'the certificate of the control plane is verified all the same: there is no way to switch that off',
    )
  if (effectiveBeforeUs().length > 0)
    log.warn({ variables: effectiveBeforeUs() }, 'the environment changes the runtime: unset what is named here')
  stop.addEventListener('abort', () => void manager.notify('STOPPING=1', 'STATUS=waits for what is under way'))
  await manager.notify('READY=1', `STATUS=${statusText(link, config)}`)
  if (link.isWaiting()) {
    log.warn(
      'no control plane is configured: waxseal enroll; until then this host is watched, and nothing is asked for',
    )
    void watchForEnrolment({ link, read: () => configOf(options), reload: takeOver, stop })
  }
  feedWatchdog({ manager, progress, log })
  await runAgent({
    engine,
    inbox,
    outbox,
    reserve: openReserve(join(config.stateDir, 'reserve')),
    keys: await openKeyStore(config.keyDir ?? join(config.stateDir, 'keys'), config.foreignKeyDir),
    keyRequests: await openKeyRequests(join(config.stateDir, 'requests')),
    controlPlane: link.controlPlane,
    clock: systemClock,
    log,
    state,
    progress,
    facts: hostFacts(version),
    driftWatch: config.driftWatch === 'hourly' ? hourlyFor(localHostname()) : config.driftWatch,
    isBoot: environment()['INVOCATION_ID'] !== undefined && secondsSinceBoot() < bootSeconds,
    get pollIntervalMs() {
      return config.pollIntervalMs
    },
    get heartbeatIntervalMs() {
      return config.heartbeatIntervalMs
    },
    stop,
  })
  await status?.close()
  await link.close()
  lock.release()
  log.info({ retired: state.retired }, 'agent ends')
  process.exit(0)
}

async function openBoth(
  config: Config,
  onEnd: (line: HistoryLine) => void,
): Promise<{ readonly link: Link; readonly engine: ConfiguredEngine }> {
  return { link: await openLink(config), engine: await openEngine(config, systemClock, onEnd) }
}

/** Without its credential or a connector there is no agent, but what a crash left is put in order all the same. */
async function recoverAlone(config: Config, log: Logger): Promise<void> {
  try {
    for (const { target, did, error } of await recover(await openForRecovery(config, systemClock)))
      log.warn({ target, did, code: error?.code }, 'recovered')
  } catch (error) {
    const { code, details } = asWaxsealError(error)
    log.error({ code, details }, 'not recovered: run waxseal recover')
  }
}

/** Where the agent waits to be enrolled and the configuration names a control plane now, it goes on with that. */
async function enrol(link: Link, config: Config, state: AgentState, log: Logger): Promise<void> {
  if (!link.isWaiting() || !isEnrolled(config)) return
  try {
    await link.offer(config)
    state.controlPlaneError = null
    log.info('a control plane is configured now: the agent goes on with it')
  } catch (error) {
    const coded = asWaxsealError(error)
    state.controlPlaneError = statusLine(coded)
    log.error({ code: coded.code, details: coded.details }, 'the control plane that is configured now cannot be used')
  }
}

/** What systemctl status shows. */
function statusText(link: Link, { controlPlane }: Config): string {
  if (link.isWaiting()) return 'No control plane is configured: waxseal enroll. This host is watched all the same.'
  return `Asks ${controlPlane === null ? 'its control plane' : new URL(controlPlane.url).origin} for work`
}

function levelOf({ code, proven }: HistoryLine): 'info' | 'warn' | 'error' {
  if (code !== null) return 'error'
  return proven === false ? 'warn' : 'info'
}

function endOf(line: HistoryLine): object {
  const { job, target, targetName: name, outcome, host, proven, code, message, sha256, ms } = line
  const reason = levelOf(line) === 'info' ? {} : { reason: message }
  return { job, target, name, outcome, host, proven, code, ...reason, sha256, ms }
}

/** One agent per state directory, for as long as this process lives. STATE_BUSY names the other one. */
async function holdState(stateDir: string): Promise<FileLock> {
  await openStateFolder(stateDir)
  const lockFile = join(stateDir, 'agent.lock')
  const lock = tryLock(lockFile)
  if (lock === null) throw await busy(lockFile)
  return lock
}

const needRestart = [
  'controlPlane',
  'stateDir',
  'keyDir',
  'foreignKeyDir',
  'status',
  'driftWatch',
  'connectors',
] as const

/** The configuration as it is on disk now; the one in use, when that is not valid.  */
async function readAgain(
  options: { readonly config?: string },
  current: Config,
  link: Link,
  log: Logger,
): Promise<{ readonly config: Config; readonly reload: ReloadProblems }> {
  try {
    const config = await configOf(options)
    const needed = needRestart.filter((key) => key !== 'controlPlane' || !link.isWaiting())
    const restart = needed.filter((key) => JSON.stringify(config[key]) !== JSON.stringify(current[key]))
    log.level = config.logLevel
    log.info({ restart }, 'configuration read again; what restart names takes effect at the next start')
    const waiting = restart.map((key) => `The change of ${key} takes effect at the next start.`)
    return { config, reload: { invalid: null, waiting } }
  } catch (error) {
    const coded = asWaxsealError(error)
    log.error({ code: coded.code, details: coded.details }, 'configuration kept: the new one is not valid')
    const invalid = `The configuration on disk is not valid: ${describeError(coded)}`
    return { config: current, reload: { invalid, waiting: [] } }
  }
}

/** A taken port is no reason to leave certificates undeployed. */
async function serveStatus({ status }: Config, source: StatusSource, log: Logger): Promise<StatusServer | null> {
  if (status === null) return null
  try {
    return await startStatusServer(status, source)
  } catch (error) {
    log.error({ reason: asWaxsealError(error).details['reason'] }, 'no status endpoint: set status.listen')
    return null
  }
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

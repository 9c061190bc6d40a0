import { join } from 'node:path'
import { Command } from 'commander'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { loadForRecovery } from '../../config/load-config.ts'
import { feedWatchdog } from '../../courier/feed-watchdog.ts'
import { longestTurnMs, openProgress } from '../../courier/progress.ts'
import { type ConfiguredEngine, openEngine, openForRecovery } from '../../deployer/open-engine.ts'
import { openStateFolder } from '../../deployer/open-state-folder.ts'
import { recover } from '../../deployer/recover.ts'
import { runDeployer } from '../../deployer/serve/run-deployer.ts'
import { busy } from '../../deployer/turns.ts'
import { asWaxsealError, WaxsealError } from '../../error/waxseal-error.ts'
import { systemClock } from '../../host/clock.ts'
import { type FileLock, tryLock } from '../../host/file/file-lock.ts'
import { sayReady } from '../../host/process/half.ts'
import { inheritedSocket } from '../../host/process/inherited-socket.ts'
import { standardOutput, writeToStandardOutput } from '../../host/process/log-stream.ts'
import { openServiceManager } from '../../host/process/service-manager.ts'
import { removeStaleSocket } from '../../host/socket/stale-socket.ts'
import type { HistoryLine } from '../../journal/history.ts'
import { type LogOptions, openLog } from '../../log/open-log.ts'
import { version } from '../../version.ts'
import { configOf, environment, withConfig } from '../context.ts'
import { whenOrphaned } from '../half/when-orphaned.ts'
import { mayColour } from '../print/terminal.ts'

/** A running deployment has this long after SIGTERM, in milliseconds; systemd waits 120 s. */
const drainMs = 90_000

/** Without work and without a connection for this time, one that systemd started ends, in milliseconds. */
const idleMs = 5000

interface DeployerOptions {
  readonly config?: string
  readonly socket?: string
  readonly stay?: true
}

/** `waxseal deployer`: the half that changes the host. */
export function deployerCommand(): Command {
  return withConfig(new Command('deployer'))
    .description(
      'The half of the agent that changes this host: it does what the courier hands over, and never faces the control plane.',
    )
    .option('--socket <file>', 'listen at this path; without it on the socket that systemd passes')
    .option('--stay', 'do not end while there is nothing to do; end with the process that started it')
    .addHelpText(
      'after',
      '\nsystemd starts it when there is work, and waxseal agent where there is no systemd: nobody has to start it by hand.',
    )
    .action(run)
}

async function run(options: DeployerOptions): Promise<void> {
  const form = standardOutput(environment()['JOURNAL_STREAM'])
  let config = await configOf(options).catch(async (error: unknown) => {
    await recoverAnyway(options, form)
    throw error
  })
  const log = await openLog({ level: config.logLevel, form, colours: mayColour(), write: writeToStandardOutput })
  const listen = await listenOn(options)
  const lock = await holdState(config.stateDir)
  const { stop, leave } = stopSignals(log)
  const manager = openServiceManager(environment())
  const progress = openProgress()
  feedWatchdog({ manager, progress, log })
  // Its own configuration is read before each work; the signal itself would end the process.
  process.on('SIGHUP', () => log.info('the configuration is read before the next work'))
  const onEnd = (line: HistoryLine): void => log[levelOf(line)](endOf(line), 'deployment ends')
  const engine = await openEngine(config, systemClock, onEnd).catch(async (error: unknown) => {
    await recoverAlone(config, log)
    throw error
  })
  log.info({ version, stateDir: config.stateDir }, 'deployer starts')
  stop.addEventListener('abort', () => void manager.notify('STOPPING=1', 'STATUS=waits for what is under way'))
  await runDeployer({
    config,
    engine,
    searchedFolders: async () => (await configOf(options).catch(() => config)).discovery.folders,
    clock: systemClock,
    log,
    listen,
    idleMs: 'fd' in listen && options.stay !== true ? idleMs : null,
    stop,
    leave,
    onBatch: async () => {
      config = await readAgain(options, config, engine, log)
    },
    onProgress: (sign) => {
      if (sign === 'work') progress.expect('work', longestTurnMs)
      else progress.end('work')
    },
    onReady: async () => {
      sayReady()
      await manager.notify('READY=1')
    },
  })
  lock.release()
  process.exit(0)
}

async function listenOn({ socket }: DeployerOptions): Promise<{ readonly path: string } | { readonly fd: number }> {
  if (socket !== undefined) {
    await removeStaleSocket(socket)
    return { path: socket }
  }
  const passed = inheritedSocket(environment())
  if (passed !== null) return passed
  throw new WaxsealError('USAGE_INVALID', {
    option: '--socket',
    reason: 'it is missing, and systemd has passed no socket',
  })
}

/** One deployer per state directory, for as long as this process lives. STATE_BUSY names the other one. */
async function holdState(stateDir: string): Promise<FileLock> {
  await openStateFolder(stateDir)
  const lockFile = join(stateDir, 'agent.lock')
  const lock = tryLock(lockFile)
  if (lock === null) throw await busy(lockFile)
  return lock
}

/** Without a connector there is no deployer, but what a crash left is put in order all the same. */
async function recoverAlone(config: Config, log: Logger): Promise<void> {
  try {
    for (const { target, did, error } of await recover(await openForRecovery(config, systemClock)))
      log.warn({ target, did, code: error?.code }, 'recovered')
  } catch (error) {
    const { code, details } = asWaxsealError(error)
    log.error({ code, details }, 'not recovered: run waxseal recover')
  }
}

/** A configuration that is not valid as a whole mostly says enough for what a crash left. */
async function recoverAnyway({ config: file }: DeployerOptions, form: LogOptions['form']): Promise<void> {
  const config = await loadForRecovery(file ?? null)
  if (config === null) return
  const log = await openLog({ level: 'info', form, colours: mayColour(), write: writeToStandardOutput })
  const lock = await holdState(config.stateDir).catch(() => null)
  if (lock !== null) await recoverAlone(config, log)
  lock?.release()
}

const needRestart = ['stateDir', 'keyDir', 'foreignKeyDir', 'connectors'] as const

/** The configuration as it is on disk now; the one in use, when that is not valid. */
async function readAgain(
  options: DeployerOptions,
  current: Config,
  engine: ConfiguredEngine,
  log: Logger,
): Promise<Config> {
  try {
    const config = await configOf(options)
    if (JSON.stringify(config) === JSON.stringify(current)) return current
    const restart = needRestart.filter((key) => JSON.stringify(config[key]) !== JSON.stringify(current[key]))
    log.level = config.logLevel
    log.info({ restart }, 'configuration read again; what restart names takes effect at the next start')
    engine.reconfigure(config)
    return config
  } catch (error) {
    const { code, details } = asWaxsealError(error)
    log.error({ code, details }, 'configuration kept: the new one is not valid')
    return current
  }
}

/**
 * The first signal begins the end: what has begun ends, and the courier is answered until it asks no more. The second one: it has
 * heard all. Neither cuts anything off (law 7). The end of the process that started this one is both.
 */
function stopSignals(log: Logger): { readonly stop: AbortSignal; readonly leave: AbortSignal } {
  const [stop, leave] = [new AbortController(), new AbortController()]
  const end = (signal: string): void => {
    if (stop.signal.aborted) return leave.abort()
    log.info({ signal }, 'draining')
    stop.abort()
    setTimeout(() => process.exit(1), drainMs).unref()
    return undefined
  }
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => end(name))
  whenOrphaned(() => {
    end('the process that started this one is gone')
    leave.abort()
  })
  return { stop: stop.signal, leave: leave.signal }
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

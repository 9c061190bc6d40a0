import { Command, Option } from 'commander'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { runCourier } from '../../courier/courier.ts'
import { openDeployer } from '../../courier/deployer.ts'
import { hourlyFor } from '../../courier/drift-watch.ts'
import { feedWatchdog } from '../../courier/feed-watchdog.ts'
import { openProgress } from '../../courier/progress.ts'
import { type CourierState, initialState, statusLine } from '../../courier/state.ts'
import { resolversOf } from '../../dns/tlsa.ts'
import { readHostMutes } from '../../documents/host-mutes.ts'
import { readShownHost } from '../../documents/read-shown-host.ts'
import type { ShownHost } from '../../documents/shown-host.ts'
import { asWaxsealError, describeError, type WaxsealError } from '../../error/waxseal-error.ts'
import { systemClock } from '../../host/clock.ts'
import { hostFacts, localHostname, ownNames, secondsSinceBoot } from '../../host/host-facts.ts'
import { machineDigest } from '../../host/machine-id.ts'
import { sayReady } from '../../host/process/half.ts'
import { inheritedSocket } from '../../host/process/inherited-socket.ts'
import { standardOutput, writeToStandardOutput } from '../../host/process/log-stream.ts'
import { openServiceManager } from '../../host/process/service-manager.ts'
import { goOnWithoutCompilers } from '../../host/process/without-compilers.ts'
import type { HttpSocket } from '../../host/socket/listen-beside.ts'
import { systemRoots } from '../../host/system-roots.ts'
import { openLog } from '../../log/open-log.ts'
import { openChannels } from '../../notice/open-channels.ts'
import { countEnded } from '../../status/count-ended.ts'
import { type Metrics, openMetrics } from '../../status/metrics.ts'
import type { StatusDocument } from '../../status/status-document.ts'
import { type StatusServer, type StatusSource, startStatusServer } from '../../status/status-server.ts'
import { version } from '../../version.ts'
import { configOf, environment, withConfig } from '../context.ts'
import { makeClientRequest } from '../control-plane/client-request.ts'
import { answerOnce } from '../control-plane/face-control-plane.ts'
import { isEnrolled, type Link, openLink } from '../half/link.ts'
import { needRestart } from '../half/need-restart.ts'
import { ownAcmeOf } from '../half/own-acme.ts'
import { type ReloadProblems, statusDocument } from '../half/read-status.ts'
import { deployerSocket } from '../half/sockets.ts'
import { watchForEnrolment } from '../half/watch-for-enrolment.ts'
import { whenOrphaned } from '../half/when-orphaned.ts'
import { effectiveBeforeUs } from '../own-environment.ts'
import { print } from '../print/print.ts'
import { mayColour } from '../print/terminal.ts'

/** What the deployer has under way has this long after SIGTERM, in milliseconds; systemd waits 120 s. */
const drainMs = 90_000

/** Started by systemd within this time after the boot, in seconds, the agent is one of many that come back. */
const bootSeconds = 300

interface CourierOptions {
  readonly config?: string
  readonly deployer: string
  readonly statusSocket?: string
  readonly once?: true
}

/** `waxseal courier`: the half that faces the control plane. */
export function courierCommand(): Command {
  return withConfig(new Command('courier'))
    .description(
      'The half of the agent that faces the control plane, and may do nothing else; waxseal.service runs it.',
    )
    .option('--deployer <socket>', 'where the other half answers', deployerSocket)
    .option('--status-socket <socket>', 'where waxseal status asks; default: the socket that systemd hands over')
    .addOption(new Option('--once', 'answer one question, of a command that root runs').hideHelp())
    .addHelpText(
      'after',
      '\nWithout a control plane it watches the host, and goes on by itself once waxseal enroll has configured one.\nSIGTERM stops polling and waits for the running deployment. A retired agent ends with status 0.',
    )
    .action(run)
}

async function run(options: CourierOptions): Promise<void> {
  if (options.once === true) return print(await answerOnce())
  let config = await configOf(options)
  let reload: ReloadProblems = { invalid: null, waiting: [] }
  const form = standardOutput(environment()['JOURNAL_STREAM'])
  const log = await openLog({ level: config.logLevel, form, colours: mayColour(), write: writeToStandardOutput })
  const stop = stopSignal(log)
  const manager = openServiceManager(environment())
  const progress = openProgress()
  const state = initialState()
  const metrics = openMetrics()
  const deployer = openDeployer(options.deployer)
  const link = await openLink(config)
  const readShown = shownOf(config, metrics)
  await readShown()
  const readStatus = async (): Promise<StatusDocument> =>
    statusDocument({ config, shown: await readShown(), state, reload })
  const asked =
    inheritedSocket(environment()) ?? (options.statusSocket === undefined ? null : { path: options.statusSocket })
  const status = await serveStatus(config, asked, { readStatus, metrics }, log)
  const takeOver = async (): Promise<void> => {
    const next = await readAgain(options, config, link, log)
    config = next.config
    reload = next.reload
    await enrol(link, config, state, log)
    await manager.notify(`STATUS=${statusText(link, config)}`)
    // It reads its own configuration when it is asked, and shows what is wrong with it.
    await deployer.ask({ ask: 'work' }).catch(() => {})
  }
  process.on('SIGHUP', () => void takeOver())
  goOnWithoutCompilers()
  log.info({ version, stateDir: config.stateDir }, 'agent starts')
  warnOfSettings(log)
  stop.addEventListener('abort', () => void manager.notify('STOPPING=1', 'STATUS=waits for what is under way'))
  sayReady()
  await manager.notify('READY=1', `STATUS=${statusText(link, config)}`)
  if (link.isWaiting()) {
    log.warn(
      'no control plane is configured: waxseal enroll; until then this host is watched, and nothing is asked for',
    )
    void watchForEnrolment({ link, read: () => configOf(options), reload: takeOver, stop })
  }
  feedWatchdog({ manager, progress, log })
  await runCourier({
    deployer,
    readShown,
    controlPlane: link.controlPlane,
    clock: systemClock,
    log,
    state,
    progress,
    facts: hostFacts(version),
    machine: await machineDigest(),
    makeClientRequest,
    get clientCertificate() {
      return config.controlPlane?.clientCertificate ?? null
    },
    driftWatch: config.driftWatch === 'hourly' ? hourlyFor(localHostname()) : config.driftWatch,
    readAcme: () => ownAcmeOf(config),
    isSearching: config.discovery.folders.length > 0,
    isBoot: environment()['INVOCATION_ID'] !== undefined && secondsSinceBoot() < bootSeconds,
    get pollIntervalMs() {
      return config.pollIntervalMs
    },
    pollWaitMs: config.pollWaitMs,
    get heartbeatIntervalMs() {
      return config.heartbeatIntervalMs
    },
    ...tellingOf(config),
    ...(await mtaStsOf(config)),
    ...lookingOf(config),
    stop,
  })
  await status?.close()
  await link.close()
  log.info({ retired: state.retired }, 'agent ends')
  process.exit(0)
}

/** How people are told, where the configuration says so. */
function tellingOf({ notify, stateDir }: Config): Pick<Parameters<typeof runCourier>[0], 'telling'> {
  if (notify === null) return {}
  const readMutes = () => readHostMutes(stateDir)
  return { telling: { channels: openChannels(notify), leaveOut: notify.leaveOut, readMutes, from: localHostname() } }
}

/** What is looked at from outside for others, where the policy allows it. */
function lookingOf({ policy }: Config): Pick<Parameters<typeof runCourier>[0], 'looking'> {
  if (policy.look === null) return {}
  return { looking: { ...policy.look, resolvers: resolversOf(policy.resolvers), roots: systemRoots() } }
}

/** Which MTA-STS policies are watched, where the configuration names domains. */
async function mtaStsOf({ mtaSts, policy }: Config): Promise<Pick<Parameters<typeof runCourier>[0], 'mtaSts'>> {
  const { domains } = mtaSts
  if (domains === null || domains.length === 0) return {}
  return { mtaSts: { domains, view: { resolvers: resolversOf(policy.resolvers), ownNames: await ownNames() } } }
}

/** Reads what the deployer shows, and counts what is newly shown. */
function shownOf({ stateDir }: Config, metrics: Metrics): () => Promise<ShownHost | null> {
  const count = countEnded(metrics)
  return async () => {
    const shown = await readShownHost(stateDir)
    count(shown)
    return shown
  }
}

/** What was meant to have an effect, and has none, or another one. */
function warnOfSettings(log: Logger): void {
  if (/^(1|true|yes|on)$/i.test(environment()['CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY'] ?? ''))
    log.warn(
      { hint: 'Name the CA of the control plane as CERTCTL_SERVER_CA_BUNDLE_PATH.' },
      'the certificate of the control plane is verified all the same: there is no way to switch that off',
    )
  if (effectiveBeforeUs().length > 0)
    log.warn({ variables: effectiveBeforeUs() }, 'the environment changes the runtime: unset what is named here')
}

/** Where the agent waits to be enrolled and the configuration names a control plane now, it goes on with that. */
async function enrol(link: Link, config: Config, state: CourierState, log: Logger): Promise<void> {
  if (!link.isWaiting() || !isEnrolled(config)) return
  try {
    await link.offer(config)
    state.controlPlaneError = null
    log.info('a control plane is configured now: the agent goes on with it')
  } catch (error) {
    const coded = asWaxsealError(error)
    if (isHandedOverAtStart(coded)) {
      log.info('the credential is there now, and systemd hands it over: the agent starts again')
      process.exit(startAgain)
    }
    state.controlPlaneError = statusLine(coded)
    log.error({ code: coded.code, details: coded.details }, 'the control plane that is configured now cannot be used')
  }
}

/** Exit status that has systemd start it again, and is no failure (`RestartForceExitStatus=` of its unit). */
const startAgain = 75

/** The credential is root's to read: systemd reads it before it starts the courier. */
function isHandedOverAtStart({ details }: WaxsealError): boolean {
  return environment()['CREDENTIALS_DIRECTORY'] !== undefined && String(details['reason']).startsWith('EACCES')
}

/** What systemctl status shows. */
function statusText(link: Link, { controlPlane }: Config): string {
  if (link.isWaiting()) return 'No control plane is configured: waxseal enroll. This host is watched all the same.'
  return `Asks ${controlPlane === null ? 'its control plane' : new URL(controlPlane.url).origin} for work`
}

/** The configuration as it is on disk now; the one in use, when that is not valid. */
async function readAgain(
  options: { readonly config?: string },
  current: Config,
  link: Link,
  log: Logger,
): Promise<{ readonly config: Config; readonly reload: ReloadProblems }> {
  try {
    const config = await configOf(options)
    const restart = needRestart(current, config, link.isWaiting())
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
async function serveStatus(
  { status }: Config,
  asked: HttpSocket | null,
  source: StatusSource,
  log: Logger,
): Promise<StatusServer | null> {
  try {
    return await startStatusServer({ listen: status, asked }, source)
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
  whenOrphaned(() => stop.abort())
  return stop.signal
}

import type { Logger } from 'pino'
import type { ControlPlane, HostFacts } from '../control-plane/open-control-plane.ts'
import { failureWait, pollWait } from '../control-plane/pace.ts'
import type { Engine } from '../deployer/engine.ts'
import { withNames } from '../deployer/find-target.ts'
import type { Inspection } from '../deployer/inspect.ts'
import { recover } from '../deployer/recover.ts'
import { failed } from '../deployer/work/job-end.ts'
import type { KeyRequests } from '../deployer/work/key-requests.ts'
import type { Workshop } from '../deployer/work/run-job.ts'
import { openSpool, type Spool } from '../deployer/work/spool.ts'
import { type Work, workThrough } from '../deployer/work/work-through.ts'
import type { Job } from '../documents/job.ts'
import { describeError, WaxsealError } from '../error/waxseal-error.ts'
import type { Clock } from '../host/clock.ts'
import type { Reserve } from '../host/file/reserve.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { KeyStore } from '../material/key-store.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { byControlPlane } from './by-control-plane.ts'
import { watchDrift } from './drift-watch.ts'
import { gather, isRequest } from './gather.ts'
import { runLoop } from './loop.ts'
import { longestTurnMs, type Progress } from './progress.ts'
import { Reporter } from './reporter.ts'
import { type AgentState, statusLine } from './state.ts'

/** Everything that an agent is made of. */
export interface AgentParts {
  readonly engine: Engine
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly reserve: Reserve
  readonly keys: KeyStore
  readonly keyRequests: KeyRequests
  /** A promise while this host waits to be enrolled: the drift watch, recovery and the status need no control plane. */
  readonly controlPlane: ControlPlane | Promise<ControlPlane>
  readonly clock: Clock
  readonly log: Logger
  readonly state: AgentState
  readonly progress: Progress
  readonly facts: HostFacts
  /** Cron expression of the drift watch; null: off. */
  readonly driftWatch: string | null
  readonly pollIntervalMs: number
  /** A boot brings many hosts back at the same moment: the first poll waits a random part of one interval. */
  readonly isBoot: boolean
  readonly heartbeatIntervalMs: number
  /** Aborts when the agent is to drain. */
  readonly stop: AbortSignal
}

/** Poll and heartbeat do not begin together: the second takes the connection of the first, one handshake a start of a fleet, not two. */
const firstHeartbeatMs = 1000

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    else signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}

/** Recovers, then polls, works and reports until it is told to stop or is retired; then drains. */
export async function runAgent(parts: AgentParts): Promise<void> {
  const { state, log, progress } = parts
  progress.expect('recovery', longestTurnMs)
  state.recovered = await recover(parts.engine)
  progress.end('recovery')
  for (const { target, name, did, error, notAllowed } of await withNames(state.recovered, parts.engine))
    log.warn({ target, name, did, code: error?.code, notAllowed }, 'recovered')
  state.phase = 'running'
  let controlPlane: ControlPlane | null = null
  const reportDrift: ControlPlane['reportDrift'] = async (drift) => (await controlPlane?.reportDrift(drift)) ?? false
  const retired = new AbortController()
  const signal = AbortSignal.any([parts.stop, retired.signal])
  const retire = (): void => {
    state.retired = true
    retired.abort()
  }
  if (parts.driftWatch !== null) {
    const onInspected = (inspections: readonly Inspection[]): void => {
      state.drift = inspections
    }
    watchDrift(parts.driftWatch, { ...parts, controlPlane: { reportDrift }, onInspected, signal })
  }
  controlPlane = await Promise.race([parts.controlPlane, aborted(signal)])
  if (controlPlane === null) {
    state.phase = 'stopped'
    return
  }
  const reporting = new Reporter({ ...parts, controlPlane })
  await Promise.all([
    pollLoop(parts, controlPlane, signal, reporting, retire),
    heartbeatLoop(parts, controlPlane, signal, retire),
    reporting.run(signal),
  ])
  state.phase = 'draining'
  await reporting.flush()
  progress.end('report')
  state.phase = 'stopped'
}

async function pollLoop(
  parts: AgentParts,
  controlPlane: ControlPlane,
  signal: AbortSignal,
  reporter: Reporter,
  retire: () => void,
): Promise<void> {
  const { clock, state, log } = parts
  const spool = openSpool(parts)
  const work = workOf(parts, controlPlane, spool, signal, reporter)
  const turn = async (): Promise<number> => {
    await spool.catchUp()
    const left = await workThrough(work)
    if (signal.aborted) return 0
    await spool.requireRoom()
    const { arrived, requested } = await gather({
      poll: () => poll(parts, controlPlane, spool),
      request: () => workThrough(work, isRequest),
      clock,
      signal,
    })
    const { done, putOff } = await workThrough(work, (job) => !isRequest(job))
    if (putOff !== null) throw putOff
    if (requested.putOff !== null) throw requested.putOff
    const isAny = done + requested.done + left.done > 0
    return arrived > 0 && isAny ? 0 : pollWait(parts.pollIntervalMs, clock.random())
  }
  const waitAfterFailure = (error: WaxsealError, failures: number): number => {
    if (error.code === 'AGENT_RETIRED') retire()
    state.controlPlaneError = statusLine(error)
    const wait = Math.round(failureWait(error, failures, clock.random()))
    log.warn({ code: error.code, details: error.details, failures, wait }, 'poll failed')
    return wait
  }
  const firstWait = parts.isBoot ? parts.pollIntervalMs * clock.random() : 0
  await runLoop({ name: 'poll', progress: parts.progress, turn, waitAfterFailure, clock, signal, firstWait })
}

/** Writes down what the control plane has, and says how many of these jobs are new here. */
async function poll(
  { clock, log, state }: AgentParts,
  controlPlane: ControlPlane,
  spool: Spool,
): Promise<{ readonly jobs: readonly Job[]; readonly fresh: number }> {
  const { jobs, malformed } = await controlPlane.work()
  const arrived = await spool.accept(jobs)
  for (const { id, reason } of malformed) {
    log.warn({ job: id, reason }, 'malformed job')
    if (id !== null) await spool.answer([failed(id, new WaxsealError('JOB_MALFORMED', { reason }))])
  }
  state.lastPoll = new Date(clock.now()).toISOString()
  state.controlPlaneError = null
  return { jobs, fresh: arrived }
}

function workOf(
  parts: AgentParts,
  controlPlane: ControlPlane,
  spool: Spool,
  signal: AbortSignal,
  reporter: Reporter,
): Work {
  const { state, log, inbox } = parts
  const workshop: Workshop = {
    ...parts,
    ...byControlPlane({ ...parts, controlPlane }),
    onBegin: async (jobId) => {
      await spool.report([{ kind: 'status', jobId, status: 'Running' }])
      await spool.begin(jobId)
      reporter.wake()
    },
    onStep: (job, { name, ms }) => {
      parts.progress.expect('poll', longestTurnMs)
      log.info({ job, step: name, ms }, 'step')
    },
  }
  const onJobs = (jobIds: readonly string[]): void => {
    for (const job of state.currentJobs) log.info({ job }, 'job ends')
    for (const job of jobIds) log.info({ job }, 'job begins')
    state.currentJobs = jobIds
    reporter.wake()
  }
  const onPutOff = (jobId: string, error: WaxsealError): void => {
    log.warn({ job: jobId, code: error.code, reason: describeError(error) }, 'job put off')
  }
  return { inbox, spool, workshop, onJobs, onPutOff, signal, unsaved: new Map() }
}

async function heartbeatLoop(
  parts: AgentParts,
  controlPlane: ControlPlane,
  signal: AbortSignal,
  retire: () => void,
): Promise<void> {
  const { clock, state, log, facts } = parts
  const turn = async (): Promise<number> => {
    await controlPlane.heartbeat(facts)
    state.lastHeartbeat = new Date(clock.now()).toISOString()
    return parts.heartbeatIntervalMs
  }
  const waitAfterFailure = (error: WaxsealError, failures: number): number => {
    if (error.code === 'AGENT_RETIRED') retire()
    log.warn({ code: error.code, details: error.details, failures }, 'heartbeat failed')
    return Math.max(failureWait(error, failures, clock.random()), Math.min(parts.heartbeatIntervalMs, 1000))
  }
  const firstWait = firstHeartbeatMs
  await runLoop({ name: 'heartbeat', progress: parts.progress, turn, waitAfterFailure, clock, signal, firstWait })
}

import type { Logger } from 'pino'
import type { ClientRequest } from '../control-plane/credential-calls.ts'
import type { HostFacts } from '../control-plane/host-facts.ts'
import type { ControlPlane } from '../control-plane/open-control-plane.ts'
import { failureWait, isUnanswered } from '../control-plane/pace.ts'
import { type Job, malformedJob } from '../documents/job.ts'
import type { ShownHost } from '../documents/shown-host.ts'
import type { WaxsealError } from '../error/waxseal-error.ts'
import { aborted, type Clock } from '../host/clock.ts'
import { Beat } from './beat.ts'
import { Claims } from './claims.ts'
import { Deliveries } from './deliveries.ts'
import type { Deployer } from './deployer.ts'
import { watchForCertificates } from './discovery-watch.ts'
import { watchDrift } from './drift-watch.ts'
import { gather } from './gather.ts'
import { Hurry } from './hurry.ts'
import { introduceSoon } from './introduce-soon.ts'
import { LongPoll } from './long-poll.ts'
import { type Looking, watchLooks } from './look-watch.ts'
import { runLoop } from './loop.ts'
import { MatterWatch, type TellingParts, watchMatters } from './matter-watch.ts'
import { Member } from './member.ts'
import { type StsParts, watchMtaSts } from './mta-sts-watch.ts'
import { type OwnAcme, renewAlone } from './own-renewal.ts'
import { Pace } from './pace.ts'
import type { Progress } from './progress.ts'
import { Reporter } from './reporter.ts'
import { Rounds } from './rounds.ts'
import { spreadCalls } from './spread-calls.ts'
import { type CourierState, statusLine } from './state.ts'
import { RenewedFirst } from './tell-renewed.ts'

/** Everything that a courier is made of. */
export interface CourierParts {
  readonly deployer: Deployer
  /** What the deployer shows; null: nothing yet. */
  readonly readShown: () => Promise<ShownHost | null>
  /** A promise while this host waits to be enrolled: the drift watch and the status need no control plane. */
  readonly controlPlane: ControlPlane | Promise<ControlPlane>
  readonly clock: Clock
  readonly log: Logger
  readonly state: CourierState
  readonly progress: Progress
  readonly facts: HostFacts
  /** A digest that tells this machine from others; null: it has no id. */
  readonly machine: string | null
  /** Cron expression of the drift watch; null: off. */
  readonly driftWatch: string | null
  /** How this host renews by itself when its control plane is gone, as policy has it now; null: not at all. */
  readonly readAcme: () => Promise<OwnAcme | null>
  /** Whether there are folders to be searched for certificates. */
  readonly isSearching: boolean
  /** Makes a new key for a client certificate. */
  readonly makeClientRequest: () => Promise<ClientRequest>
  /** Whether this host is to be known by one; null: as it was enrolled. */
  readonly clientCertificate: boolean | null
  readonly pollIntervalMs: number
  /** How long a call for work waits at a server that knows it, in milliseconds; 0: not at all. */
  readonly pollWaitMs: number
  /** A boot brings many hosts back at the same moment: the first poll comes as after an outage. */
  readonly isBoot: boolean
  readonly heartbeatIntervalMs: number
  /** How people are told of what is the matter; left out: nobody is. */
  readonly telling?: TellingParts
  /** What this host looks at from outside when it is asked; left out: nothing. */
  readonly looking?: Looking
  /** Whose MTA-STS policies are watched; left out: nobody's. */
  readonly mtaSts?: Pick<StsParts, 'domains' | 'view'>
  /** Aborts when the courier is to drain. */
  readonly stop: AbortSignal
}

/** Poll and heartbeat do not begin together: the second takes the connection of the first, one handshake a start of a fleet, not two. */
const firstHeartbeatMs = 1000

/** So much longer is it between heartbeats as long as calls for work wait: each of these is one (protocol §4), but for what the host says of itself. */
const whileWaiting = 5

/** The loops that face the control plane, and what ends them. */
interface Loops {
  readonly controlPlane: ControlPlane
  /** What this host has renewed by itself is told first, so that the control plane plans no renewal of its own. */
  readonly renewedFirst: RenewedFirst
  readonly rounds: Rounds
  readonly member: Member
  readonly claims: Claims
  readonly longPoll: LongPoll
  readonly beat: Beat
  readonly pace: Pace
  readonly signal: AbortSignal
  readonly retire: () => void
}

/** Polls, hands over and reports until it is told to stop or is retired; then drains. */
export async function runCourier(parts: CourierParts): Promise<void> {
  const { state, progress, deployer, log, clock } = parts
  let controlPlane: ControlPlane | null = null
  const reportDrift: ControlPlane['reportDrift'] = async (drift) => (await controlPlane?.reportDrift(drift)) ?? false
  const retired = new AbortController()
  const signal = AbortSignal.any([parts.stop, retired.signal])
  const retire = (): void => {
    state.retired = true
    retired.abort()
  }
  const collecting: { collect: (() => Promise<void>) | null } = { collect: null }
  const collect = async (): Promise<void> => collecting.collect?.()
  if (parts.driftWatch !== null)
    watchDrift(parts.driftWatch, { ...parts, controlPlane: { reportDrift }, collect, signal })
  watchByItself(parts)
  const alone = renewAlone({
    ...parts,
    isEnrolled: () => controlPlane !== null,
    onRenewed: collect,
    signal,
  })
  controlPlane = (await Promise.race([parts.controlPlane, aborted(signal)])) ?? null
  if (controlPlane === null) {
    await alone
    state.phase = 'stopped'
    return
  }
  const calls = spreadCalls(controlPlane, clock)
  const deliveries = new Deliveries(clock)
  const reporter = new Reporter({ ...parts, controlPlane: calls, deliveries })
  const onReports: ConstructorParameters<typeof Rounds>[0]['onReports'] = (reports) => {
    deliveries.learn(reports)
    if (reports.length > 0) reporter.wake()
  }
  const rounds = new Rounds({ deployer, controlPlane: calls, onReports, log, signal })
  collecting.collect = () => rounds.collect()
  const pace = new Pace(parts)
  const member = new Member({ ...parts, controlPlane })
  const loops: Loops = {
    controlPlane,
    rounds,
    renewedFirst: new RenewedFirst({ ...parts, controlPlane, member, deliveries, reporter }),
    member,
    claims: new Claims({ deployer, controlPlane: calls, rounds, clock, log }),
    longPoll: new LongPoll({
      controlPlane,
      pollWaitMs: parts.pollWaitMs,
      awayMs: () => pace.awayMs,
      clock,
      log,
      signal,
    }),
    beat: new Beat(),
    pace,
    signal,
    retire,
  }
  const searching = watchForCertificates({ ...parts, controlPlane, signal })
  const { looking } = parts
  if (looking !== undefined) void watchLooks({ controlPlane, looking, clock, log, signal })
  const firstWait = parts.isBoot ? pace.awayMs * clock.random() : 0
  await Promise.all([
    pollLoop(parts, loops, firstWait),
    heartbeatLoop(parts, loops, firstWait + firstHeartbeatMs),
    reporter.run(signal),
    searching,
    alone,
  ])
  state.phase = 'draining'
  await reporter.flush()
  progress.end('report')
  state.phase = 'stopped'
}

/** What needs no control plane, until the courier is to drain. */
function watchByItself(parts: CourierParts): void {
  const { telling, mtaSts, deployer, readShown, state, clock, log, stop: signal } = parts
  const common = { deployer, readShown, state, clock, log, signal }
  const watch = telling === undefined ? null : new MatterWatch({ ...common, ...telling })
  if (watch !== null) void watchMatters(watch, common)
  if (mtaSts === undefined) return
  void watchMtaSts({ ...common, ...mtaSts, onConditions: (conditions) => watch?.note('mta-sts', conditions) })
}

async function pollLoop(parts: CourierParts, loops: Loops, firstWait: number): Promise<void> {
  const { rounds, member, longPoll, beat, pace, signal, retire } = loops
  const hurry = new Hurry()
  const { clock, state, log } = parts
  const turn = async (): Promise<number> => {
    beat.pollBegins()
    await member.introduce()
    await rounds.catchUp()
    const left = await rounds.work()
    state.deployerError = null
    if (signal.aborted) return 0
    // Where the deployer has something left to do, the next turn is not put off.
    let mayWait = rounds.isSettled
    const { arrived, requested, awaited } = await gather({
      poll: () => {
        const isFirst = mayWait
        mayWait = false
        return poll(parts, loops, isFirst)
      },
      request: () => rounds.request(),
      takeAccepted: () => rounds.takeAccepted(),
      clock,
      signal,
    })
    const { done, putOff } = await rounds.work()
    if (putOff !== null) throw putOff
    if (requested.putOff !== null) throw requested.putOff
    const isAny = done + requested.done + left.done > 0
    const wait = hurry.next(awaited, longPoll.pauseMs ?? pace.workWait(clock.random(), clock.random()))
    beat.pollRests(clock.now() + wait, longPoll.isCut)
    if (longPoll.pauseMs !== null) beat.makeWayFor(clock.now() + wait)
    return arrived > 0 && isAny ? 0 : wait
  }
  const waitAfterFailure = (error: WaxsealError, failures: number): number => {
    if (error.code === 'AGENT_RETIRED') retire()
    const isOurs = error.code === 'DEPLOYER_UNREACHABLE' || error.code === 'HALVES_DIFFER'
    if (isOurs) state.deployerError = statusLine(error)
    else state.controlPlaneError = statusLine(error)
    // A call that was cut off was the first failure.
    const count = longPoll.isCut ? failures + 1 : failures
    const wait = Math.round(failureWait(error, count, clock.random(), pace.awayMs))
    // Where something answers, if only with an error of its own, it is to hear that this host lives.
    if (isUnanswered(error)) beat.pollRests(clock.now() + wait, true)
    else beat.come()
    log.warn({ code: error.code, details: error.details, failures, wait }, 'poll failed')
    return wait
  }
  const { progress } = parts
  const early = (): AbortSignal | undefined => longPoll.learned
  await runLoop({ name: 'poll', progress, turn, waitAfterFailure, clock, signal, firstWait, early })
}

/** Hands over what the control plane has, and says how many of these jobs are new here. */
async function poll(
  { clock, log, state }: CourierParts,
  { rounds, claims, longPoll, beat, pace, renewedFirst }: Loops,
  mayWait: boolean,
): Promise<{ readonly jobs: readonly Job[]; readonly fresh: number }> {
  await renewedFirst.tell()
  const work = await longPoll.work(mayWait)
  if (work === null) return { jobs: [], fresh: 0 }
  beat.come()
  if (work.pollIntervalMs !== null) pace.heard(work)
  const { jobs, malformed, cancel } = work
  const refused = malformed.flatMap(({ id, reason }): readonly Job[] => {
    log.warn({ job: id, reason }, 'malformed job')
    return id === null ? [] : [malformedJob(id, reason)]
  })
  if (cancel !== null) await claims.asked(cancel)
  const fresh = await rounds.accept([...jobs, ...refused])
  await claims.taken(jobs)
  state.lastPoll = new Date(clock.now()).toISOString()
  state.controlPlaneError = null
  return { jobs, fresh }
}

async function heartbeatLoop(parts: CourierParts, loops: Loops, firstWait: number): Promise<void> {
  const { controlPlane, rounds, member, claims, longPoll, beat, pace, signal, retire } = loops
  const { clock, state, log, facts } = parts
  // What may still be waited without one, in milliseconds: a clock that is set back makes it no longer.
  let spareMs = 0
  const later = (most = Number.POSITIVE_INFINITY): number => {
    const usual = Math.min(pace.heartbeatWait(clock.random()), most)
    const wait = spareMs > 0 ? Math.min(usual, spareMs) : usual
    spareMs -= wait
    beat.next(clock.now() + wait)
    return wait
  }
  const missed = (): number => {
    // The call for work that comes first tells that this host is back.
    if (longPoll.isWanted) spareMs = pace.heartbeatWait(clock.random(), whileWaiting)
    return later()
  }
  const turn = async (): Promise<number> => {
    // Calls that wait tell as much; while a job is under way there are none.
    if (rounds.isSettled && spareMs > 0) return later()
    // The poll finds out when it is back, and this one comes behind it.
    if (beat.waitsForPoll(clock.now(), controlPlane.isConnected)) return missed()
    if (!member.isIntroduced) await introduceSoon(member, clock, signal)
    const heard = await controlPlane.heartbeat(facts, member.host)
    state.lastHeartbeat = new Date(clock.now()).toISOString()
    longPoll.heard(heard)
    pace.heard(heard)
    await member.heard(heard)
    const leaseMs = await claims.heard(heard)
    spareMs = longPoll.isWaiting ? pace.heartbeatWait(clock.random(), whileWaiting) : 0
    return later(leaseMs ?? Number.POSITIVE_INFINITY)
  }
  const waitAfterFailure = (error: WaxsealError, failures: number): number => {
    if (error.code === 'AGENT_RETIRED') retire()
    log.warn({ code: error.code, details: error.details, failures }, 'heartbeat failed')
    if (isUnanswered(error)) return missed()
    const wait = failureWait(error, failures, clock.random(), pace.awayMs)
    return Math.max(wait, Math.min(parts.heartbeatIntervalMs, 1000))
  }
  const { progress } = parts
  const early = (): AbortSignal | undefined => beat.early
  await runLoop({ name: 'heartbeat', progress, turn, waitAfterFailure, clock, signal, firstWait, early })
}

import { pino } from 'pino'
import t from 'tap'
import type { ControlPlane } from '../../../src/control-plane/open-control-plane.ts'
import type { Work } from '../../../src/control-plane/work-call.ts'
import { runCourier } from '../../../src/courier/courier.ts'
import type { Deployer } from '../../../src/courier/deployer.ts'
import { openProgress } from '../../../src/courier/progress.ts'
import { initialState } from '../../../src/courier/state.ts'
import type { Ask, Undelivered } from '../../../src/documents/ask.ts'
import { noMembership } from '../../../src/documents/membership.ts'
import { WaxsealError } from '../../../src/error/waxseal-error.ts'
import { openRandom } from '../../hostile/support/random.ts'
import { type VirtualClock, virtualClock } from '../../support/virtual-clock.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const hosts = 120
/** Of any so much time, in milliseconds, the busiest is looked at. */
const window = 10 * second

t.test('a fleet makes no wave: not when all boot at one moment, not when it lost its control plane', async (t) => {
  const fleet = openFleet()
  fleet.boot()
  await fleet.clock.pass(8 * minute)
  const steady = fleet.busiest(4 * minute, 8 * minute)
  t.ok(fleet.busiest(0, 3 * minute) <= 2 * steady, 'all were started at the same moment')
  fleet.isUp(false)
  const lostAt = fleet.clock.now()
  await fleet.clock.pass(5 * minute)
  const backAt = fleet.clock.now()
  fleet.isUp(true)
  await fleet.clock.pass(4 * minute)
  fleet.stop()

  t.ok(fleet.busiest(lostAt, backAt) <= steady, 'while it was away')
  t.ok(fleet.busiest(backAt, fleet.clock.now()) <= 2 * steady, 'and when it was back')
  const [asksInTime, pollsFirst, beatsTogether] = [
    [] as boolean[],
    [] as boolean[],
    beatsPerSecond(fleet.calls, lostAt),
  ]
  for (const calls of fleet.calls) {
    const asked = calls.filter(({ at, kind }) => kind === 'poll' && at >= lostAt && at < backAt).map(({ at }) => at)
    const waits = asked.map((at, index) => at - (asked[index - 1] ?? lostAt))
    const isEach = waits.slice(2).every((wait) => wait >= 48 * second && wait <= 72 * second)
    asksInTime.push(Math.max(...waits.slice(0, 2)) <= 72 * second && waits.length >= 4 && isEach)
    const [first] = calls.filter(({ at }) => at >= backAt)
    pollsFirst.push(first?.kind === 'poll' && first.at - backAt <= 72 * second)
    const beats = calls.filter(({ kind, at }) => kind === 'heartbeat' && at < lostAt).map(({ at }) => at)
    const waited = calls.filter(({ kind, at }) => kind === 'poll' && at < lostAt).length
    t.ok(beats.length >= 2 && beats.length < waited / 2, 'a call that waits tells as much')
    t.ok(beats.every((at, index) => at - (beats[index - 1] ?? at) <= 5 * 72 * second))
  }
  t.ok(asksInTime.every(Boolean), 'each asks within a minute, and then every minute, give or take a fifth')
  t.ok(pollsFirst.every(Boolean), 'the poll comes first')
  t.ok(Math.max(...beatsTogether) <= hosts / 10, 'heartbeats are at times of their own')
})

t.test('a clock that is set back leaves out no heartbeat', async (t) => {
  const fleet = openFleet({ hosts: 5 })
  fleet.boot()
  await fleet.clock.pass(20 * minute)
  fleet.clock.shift(-hour)
  const before = fleet.calls.map(({ length }) => length)
  await fleet.clock.pass(7 * minute)
  fleet.stop()

  for (const [host, calls] of fleet.calls.entries())
    t.ok(calls.slice(before[host]).some(({ kind }) => kind === 'heartbeat'))
})

t.test('a server whose calls for work fail hears that its hosts live all the same', async (t) => {
  const fleet = openFleet({ hosts: 5, isWorkFailing: true })
  fleet.boot()
  await fleet.clock.pass(10 * minute)
  fleet.stop()

  for (const calls of fleet.calls) {
    const beats = calls.filter(({ kind }) => kind === 'heartbeat').map(({ at }) => at)
    t.ok(beats.length >= 7 && beats.every((at, index) => at - (beats[index - 1] ?? at) <= 72 * second))
  }
})

t.test('hosts whose calls do not wait lose their server, and come back by a call for work each', async (t) => {
  const fleet = openFleet({ pollWaitMs: 0 })
  fleet.boot()
  await fleet.clock.pass(8 * minute)
  const lostAt = fleet.clock.now()
  fleet.isUp(false)
  await fleet.clock.pass(5 * minute)
  const backAt = fleet.clock.now()
  fleet.isUp(true)
  await fleet.clock.pass(4 * minute)
  fleet.stop()

  for (const calls of fleet.calls) {
    const kinds = calls.filter(({ at }) => at >= lostAt).map(({ kind }) => kind)
    const asked = calls.filter(({ at }) => at >= lostAt && at < backAt).length
    t.notOk(kinds.slice(0, asked).includes('heartbeat'), 'none is tried while nothing answers, the first one neither')
    t.equal(kinds[asked], 'poll')
    const beats = calls.filter(({ kind, at }) => kind === 'heartbeat' && at >= backAt).map(({ at }) => at)
    t.ok(beats.length >= 2 && beats.every((at, index) => at - (beats[index - 1] ?? at) <= 72 * second))
  }
})

t.test('a server that ends each connection hears of its hosts behind their calls for work', async (t) => {
  const fleet = openFleet({ hosts: 5, pollWaitMs: 0, isKeeping: false })
  fleet.boot()
  await fleet.clock.pass(hour)
  fleet.stop()

  for (const calls of fleet.calls) {
    t.ok(gapsIn(timesOf(calls, 'heartbeat')).every((gap) => gap <= 108 * second))
    const later = calls.slice(4)
    t.ok(later.every(({ kind }, at) => kind === 'poll' || later[at - 1]?.kind !== 'heartbeat'))
  }
})

t.test('a fleet calls as often as its server tells, and its heartbeats come no more often', async (t) => {
  const told = openFleet({ hosts: 20, pollIntervalMs: 2 * minute, pollWaitMs: 0 })
  told.boot()
  await told.clock.pass(hour)
  told.stop()

  for (const calls of told.calls) {
    const [polls, beats] = [timesOf(calls, 'poll'), timesOf(calls, 'heartbeat')]
    t.ok(gapsIn(polls).every((gap) => gap >= 96 * second && gap <= 149 * second))
    t.ok(gapsIn(beats).every((gap) => gap >= 96 * second && gap <= 144 * second))
  }
})

t.test('a server that tells nonsense gets no call more often than before, and none after three minutes', async (t) => {
  for (const pollIntervalMs of [0, 1, 1e300]) {
    const fleet = openFleet({ hosts: 5, pollIntervalMs, pollWaitMs: 0 })
    fleet.boot()
    await fleet.clock.pass(hour)
    fleet.stop()

    const [least, most] = pollIntervalMs > 1 ? [144, 221] : [24, 36]
    for (const calls of fleet.calls)
      t.ok(gapsIn(timesOf(calls, 'poll')).every((gap) => gap >= least * second && gap <= most * second))
  }
})

t.test('no work is asked for before the control plane has taken what this host has renewed', async (t) => {
  const host = openRenewedHost(500)
  await host.clock.pass(20 * minute)
  t.same(host.polls(), [], 'the report fails')
  t.ok(host.heartbeats() >= 15, 'it is known to live')

  host.answer(200)
  await host.clock.pass(2 * minute)
  host.stop()

  t.ok(host.polls().every((at) => at >= host.takenAt()))
  t.ok(host.polls().length > 0)
})

t.test('a control plane that refuses for good what this host has renewed is asked for work', async (t) => {
  const host = openRenewedHost(404)
  await host.clock.pass(3 * minute)
  host.stop()

  t.ok(host.polls().length > 1)
})

t.test('one that fails at that report alone is asked for work after an hour', async (t) => {
  const host = openRenewedHost(500)
  await host.clock.pass(hour)
  t.same(host.polls(), [])
  await host.clock.pass(30 * minute)
  host.stop()

  t.ok(host.polls().length > 5)
})

/** The first ones came before anything was told. */
function timesOf(calls: readonly Called[], kind: Called['kind']): readonly number[] {
  return calls.filter((call) => call.kind === kind && call.at > 10 * minute).map(({ at }) => at)
}

function gapsIn(times: readonly number[]): readonly number[] {
  return times.slice(1).map((at, index) => at - (times[index] ?? at))
}

/** How many heartbeats came in each second, once all hosts are there. */
function beatsPerSecond(calls: readonly (readonly Called[])[], until: number): readonly number[] {
  const counts = new Map<number, number>()
  for (const { at, kind } of calls.flat()) {
    const of = Math.floor(at / second)
    if (kind === 'heartbeat' && at > 2 * minute && at < until) counts.set(of, (counts.get(of) ?? 0) + 1)
  }
  return [...counts.values()]
}

interface Called {
  readonly at: number
  readonly kind: 'poll' | 'heartbeat'
}

/** Hosts that know each other not, at a server that knows `wait`. */
function openFleet({
  hosts: count = hosts,
  isWorkFailing = false,
  pollIntervalMs = 30 * second,
  pollWaitMs = 30 * second,
  isKeeping = true,
} = {}) {
  const random = openRandom(7)
  const clock = virtualClock(() => random.below(2 ** 30) / 2 ** 30)
  const stop = new AbortController()
  const calls: Called[][] = Array.from({ length: count }, () => [])
  let lost: AbortController | null = new AbortController()
  const serve = {
    isWorkFailing,
    pollIntervalMs,
    isKeeping,
    get lost() {
      return lost
    },
  }
  return {
    clock,
    calls,
    stop: () => stop.abort(),
    isUp: (isUp: boolean) => {
      lost?.abort()
      lost = isUp ? new AbortController() : null
    },
    boot: () => {
      for (const own of calls)
        void runCourier({ ...courierOf(clock, stop.signal, planeOf(clock, own, serve)), pollWaitMs })
    },
    /** The most calls in any ten seconds of this time. */
    busiest: (from: number, to: number): number => {
      const times = calls
        .flat()
        .map(({ at }) => at)
        .filter((at) => at >= from && at < to)
        .toSorted((one, other) => one - other)
      let [most, first] = [0, 0]
      for (const [index, at] of times.entries()) {
        while (at - (times[first] ?? at) >= window) first += 1
        most = Math.max(most, index - first + 1)
      }
      return most
    },
  }
}

/** A host that has renewed by itself, at a server that answers its report with this status. */
function openRenewedHost(status: 200 | 404 | 500) {
  const clock = virtualClock(() => 0.5)
  const stop = new AbortController()
  const calls: Called[] = []
  let [answer, takenAt]: [number, number] = [status, Number.POSITIVE_INFINITY]
  const [replaces, digest] = ['a'.repeat(64), 'b'.repeat(64)]
  const renewal = { targetId: 'web', replaces, certificatePem: 'PEM', status: 'Completed' } as const
  let reports: readonly Undelivered[] = [
    { id: 'own-1', digest, since: 0, refusal: null, report: { kind: 'renewed', jobId: 'own-1', ...renewal } },
  ]
  const serve = { lost: new AbortController(), isWorkFailing: false, pollIntervalMs: 30 * second, isKeeping: true }
  const plane = Object.assign(planeOf(clock, calls, serve), {
    reportRenewed: async () => {
      if (answer === 404) throw new WaxsealError('CONTROL_PLANE_REFUSED', { status: answer })
      if (answer === 500) throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: answer })
      takenAt = clock.now()
    },
  })
  const parts = courierOf(clock, stop.signal, plane)
  const ask = async (asked: Ask): Promise<object> => {
    if (asked.ask === 'delivered') reports = []
    const told = await parts.deployer.ask(asked)
    return asked.ask === 'answers' ? { ...told, reports } : told
  }
  void runCourier({ ...parts, deployer: { ask } as unknown as Deployer })
  const timesOfAll = (kind: Called['kind']): readonly number[] =>
    calls.filter((call) => call.kind === kind).map(({ at }) => at)
  return {
    clock,
    stop: () => stop.abort(),
    answer: (next: 200) => {
      answer = next
    },
    polls: () => timesOfAll('poll'),
    heartbeats: () => timesOfAll('heartbeat').length,
    takenAt: () => takenAt,
  }
}

function planeOf(
  clock: VirtualClock,
  calls: Called[],
  server: {
    readonly lost: AbortController | null
    readonly isWorkFailing: boolean
    readonly pollIntervalMs: number
    readonly isKeeping: boolean
  },
): ControlPlane {
  const { pollIntervalMs } = server
  let isConnected = false
  const answer = (): void => {
    isConnected = server.lost !== null
    if (!isConnected) throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason: 'refused' })
  }
  const nothing: Work = { jobs: [], malformed: [], cancel: [], pollIntervalMs, splayMs: 5 * second, retryAfterMs: null }
  const plane: Partial<ControlPlane> = {
    basis: { trust: null, credential: '' },
    proven: null,
    adopt: () => {},
    judge: () => null,
    get isConnected() {
      return server.isKeeping && isConnected && server.lost !== null
    },
    heartbeat: async () => {
      calls.push({ at: clock.now(), kind: 'heartbeat' })
      answer()
      return { features: new Set(['wait']), cancel: [], caPem: null, pollIntervalMs, splayMs: 5 * second }
    },
    work: async (wait) => {
      calls.push({ at: clock.now(), kind: 'poll' })
      answer()
      if (server.isWorkFailing) throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status: 500 })
      if (wait === undefined) return nothing
      const cut = server.lost?.signal ?? wait.signal
      await clock
        .sleep(wait.seconds * (1 + clock.random() / 7) * second, AbortSignal.any([cut, wait.signal]))
        .catch(() => {
          throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason: 'other side closed' })
        })
      return nothing
    },
  }
  return plane as ControlPlane
}

function courierOf(
  clock: VirtualClock,
  stop: AbortSignal,
  controlPlane: ControlPlane,
): Parameters<typeof runCourier>[0] {
  const rest = { stamp: 's', isBusy: false, pending: 0, reports: [], next: null, requests: [], wanted: [] }
  const answers: Readonly<Record<string, object>> = {
    introduce: { starts: 1, membership: noMembership },
    answers: rest,
    unbegun: { ids: [] },
    discover: { folders: [], certificates: [], isMore: false, gone: [], errors: [], ms: 0 },
  }
  return {
    deployer: { ask: async ({ ask }: { readonly ask: string }) => answers[ask] ?? {} } as unknown as Deployer,
    readShown: async () => null,
    controlPlane,
    clock,
    log: pino({ enabled: false }),
    state: initialState(),
    progress: openProgress(() => clock.now()),
    facts: { version: '0', hostname: 'h', os: 'linux', architecture: 'x', ipAddress: '192.0.2.1' },
    machine: null,
    makeClientRequest: () => Promise.reject(new Error('no certificate is due')),
    clientCertificate: null,
    driftWatch: null,
    readAcme: async () => null,
    isSearching: false,
    pollIntervalMs: 30 * second,
    pollWaitMs: 30 * second,
    isBoot: true,
    heartbeatIntervalMs: minute,
    stop,
  }
}

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Overview } from '../operation/fleet/overview.ts'
import type { Parts } from '../operation/parts.ts'
import type { Store } from '../store/store.ts'
import { measureFleet } from './fleet-metrics.ts'
import { callOf } from './log-requests.ts'

const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]
const openStates = ['Pending', 'AwaitingCSR', 'Running'] as const
const rolloutStates = ['running', 'stopped', 'done', 'abandoned', 'taking-back', 'taken-back'] as const
const tlsaStates = ['wanted', 'publishing', 'published', 'usable', 'leaving', 'removing'] as const
const rolloutTargetStates = ['waiting', 'open', 'proven', 'failed', 'skipped'] as const
const nsPerS = 1e9

/** What a server tells Prometheus. Its labels are calls, states and status codes: as many as the program has. */
export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
  close(): void
}

/** Counts what this server answers; `store` and `overview` are asked when somebody looks. */
export function openMetrics(
  server: FastifyInstance,
  { store, bell }: Pick<Parts, 'store' | 'bell'>,
  overview: () => Promise<Overview>,
  version: string,
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const seconds = new Histogram({
    name: 'waxseal_server_request_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['call', 'status'],
    buckets,
    registers,
  })
  server.addHook('onResponse', async (request, reply) => {
    seconds.observe({ call: callOf(request), status: reply.statusCode }, reply.elapsedTime / 1000)
  })
  new Gauge({ name: 'waxseal_server_info', help: 'Always 1.', labelNames: ['version'], registers }).set({ version }, 1)
  measureStore(store, registry)
  measureFleet(overview, registry)
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_polls_waiting',
      help: 'Agents that wait for work.',
      registers: [],
      collect() {
        this.set(bell.count)
      },
    }),
  )
  const delay = measureProcess(registry)
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close: () => delay.disable(),
  }
}

function measureStore(store: Store, registry: Registry): void {
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_jobs_open',
      help: 'Jobs that have not ended.',
      labelNames: ['status'],
      registers: [],
      async collect() {
        const counts = new Map((await store.jobs.countOpen()).map(({ status, count }) => [status, count]))
        for (const status of openStates) this.set({ status }, counts.get(status) ?? 0)
      },
    }),
  )
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_agents_held',
      help: 'Agents that are issued nothing before they have said what their hosts have: the database was put back.',
      registers: [],
      async collect() {
        this.set(await store.holds.count())
      },
    }),
  )
  measureRollouts(store, registry)
  measureDane(store, registry)
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_audit_rows',
      help: 'Rows in the chain of the audit trail.',
      registers: [],
      async collect() {
        this.set((await store.audit.head())?.link ?? 0)
      },
    }),
  )
}

function measureRollouts(store: Store, registry: Registry): void {
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_rollouts',
      help: 'Roll-outs.',
      labelNames: ['state'],
      registers: [],
      async collect() {
        const counts = new Map((await store.rollouts.countByState()).map(({ state, count }) => [state, count]))
        for (const state of rolloutStates) this.set({ state }, counts.get(state) ?? 0)
      },
    }),
  )
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_rollout_targets',
      help: 'Targets of roll-outs that are not over.',
      labelNames: ['state'],
      registers: [],
      async collect() {
        const counts = new Map((await store.rollouts.countTargets()).map(({ state, count }) => [state, count]))
        for (const state of rolloutTargetStates) this.set({ state }, counts.get(state) ?? 0)
      },
    }),
  )
}

function measureDane(store: Store, registry: Registry): void {
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_dane_records',
      help: 'TLSA records of targets with roll-over; usable: a key may be served by it.',
      labelNames: ['state'],
      registers: [],
      async collect() {
        const counts = new Map(
          (await store.rollovers.countRecords(await store.now())).map(({ state, count }) => [state, count]),
        )
        for (const state of tlsaStates) this.set({ state }, counts.get(state) ?? 0)
      },
    }),
  )
  const waiting = (name: string, help: string, word: 'jobs' | 'problems'): void =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        async collect() {
          this.set((await store.rollovers.countWaiting(await store.now()))[word])
        },
      }),
    )
  waiting('waxseal_server_dane_jobs_waiting', 'Deployments that wait for TLSA records.', 'jobs')
  waiting('waxseal_server_dane_problems', 'Names of TLSA records that something is wrong with.', 'problems')
}

function measureProcess(registry: Registry) {
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_resident_memory_bytes',
      help: 'Memory of the process.',
      registers: [],
      collect() {
        this.set(process.memoryUsage.rss())
      },
    }),
  )
  registry.registerMetric(
    new Counter({
      name: 'waxseal_server_cpu_seconds_total',
      help: 'Time of processors that the process has taken.',
      registers: [],
      collect() {
        const { user, system } = process.cpuUsage()
        this.reset()
        this.inc((user + system) / 1e6)
      },
    }),
  )
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  registry.registerMetric(
    new Gauge({
      name: 'waxseal_server_event_loop_delay_seconds',
      help: 'The longest wait for the event loop since somebody looked last.',
      registers: [],
      collect() {
        this.set(delay.max / nsPerS)
        delay.reset()
      },
    }),
  )
  return delay
}

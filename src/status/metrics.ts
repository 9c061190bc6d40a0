import type { Registry } from 'prom-client'
import type { HistoryLine } from '../journal/history.ts'
import { plainText } from '../text/plain-text.ts'
import { metricTable } from './metric-table.ts'
import type { StatusDocument, TargetStatus } from './status-document.ts'

/** The metrics of one agent. */
export interface Metrics {
  /** Counts a deployment that ended. */
  count(line: HistoryLine): void
  /** The Prometheus text exposition; what is not counted is taken from the status. */
  render(status: StatusDocument): Promise<string>
}

/** What Prometheus expects of the answer. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

/** So many deployments wait for the first scrape before they are counted without one. */
const mostWaiting = 500

type Counters = (line: HistoryLine) => void

/** The library is loaded at the first scrape: a host that nobody scrapes does without its memory. */
export function openMetrics(): Metrics {
  let opened: Promise<{ readonly registry: Registry; readonly count: Counters }> | null = null
  const waiting: HistoryLine[] = []
  const catchUp = async (): Promise<Registry> => {
    opened ??= openCounters()
    const { registry, count } = await opened
    for (const line of waiting.splice(0)) count(line)
    return registry
  }
  return {
    count: (line) => {
      waiting.push(line)
      if (waiting.length >= mostWaiting) void catchUp()
    },
    render: async (status) => {
      const counters = await catchUp()
      return (await counters.metrics()) + (await (await gaugesOf(status)).metrics())
    },
  }
}

async function openCounters(): Promise<{ readonly registry: Registry; readonly count: Counters }> {
  const { Counter, Histogram, Registry: Fresh } = await import('prom-client')
  const registry = new Fresh()
  const deployments = new Counter({ ...named('waxseal_deployments_total'), registers: [registry] })
  const steps = new Histogram({
    ...named('waxseal_deployment_step_duration_seconds'),
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  })
  return {
    registry,
    count: ({ connector, outcome, steps: taken = [] }) => {
      deployments.inc(plainLabels({ connector: connector.toLowerCase(), outcome }))
      for (const { name, ms } of taken) steps.observe({ step: name }, ms / 1000)
    },
  }
}

/** Made anew for each scrape, so that a target that is gone leaves nothing behind. */
async function gaugesOf(status: StatusDocument): Promise<Registry> {
  const { Gauge, Registry: Fresh } = await import('prom-client')
  const registry = new Fresh()
  const set = (name: keyof typeof metricTable, values: readonly (readonly [Labels, number | null])[]): void => {
    const gauge = new Gauge({ ...named(name), registers: [registry] })
    for (const [labels, value] of values) if (value !== null) gauge.set(plainLabels(labels), value)
  }
  const { controlPlane, targets } = status
  set('waxseal_build_info', [[{ version: status.version }, 1]])
  set('waxseal_ready', [[{}, Number(status.ready)]])
  set('waxseal_inbox_jobs', [[{}, status.inbox]])
  set('waxseal_outbox_reports', [[{}, status.outbox]])
  set('waxseal_dead_letters', [[{}, status.deadLetters.length]])
  set('waxseal_set_aside_files', [[{}, status.setAside.length]])
  set('waxseal_control_plane_last_contact_timestamp_seconds', [
    [{ call: 'poll' }, seconds(controlPlane.lastPoll)],
    [{ call: 'heartbeat' }, seconds(controlPlane.lastHeartbeat)],
  ])
  set(
    'waxseal_certificate_expiry_timestamp_seconds',
    targets.map(({ target, name, deployed }) => [{ target, name }, seconds(deployed?.notAfter ?? null)]),
  )
  set(
    'waxseal_certificate_lifetime_used_ratio',
    targets.map(({ target, name, deployed }) => [{ target, name }, deployed?.lifetimeUsed ?? null]),
  )
  set(
    'waxseal_target_healthy',
    targets.map(({ target, name, state }) => [{ target, name }, Number(state !== 'failed' && state !== 'drifting')]),
  )
  set(
    'waxseal_target_proven',
    targets.map(({ target, name, deployed }) => [{ target, name }, deployed === null ? null : Number(deployed.proven)]),
  )
  set(
    'waxseal_tlsa_matches',
    targets.flatMap(({ target, name, dane }) =>
      dane.map(
        ({ owner, state }) =>
          [{ target, name, owner }, state === 'unknown' ? null : Number(state === 'matches')] as const,
      ),
    ),
  )
  set(
    'waxseal_endpoint_serves_deployed',
    targets.flatMap((target) => endpoints(target, ({ ok, decides }) => (ok || decides ? Number(ok) : null))),
  )
  set(
    'waxseal_endpoint_certificate_expiry_timestamp_seconds',
    targets.flatMap((target) =>
      endpoints(target, ({ ok }) => (ok ? seconds(target.deployed?.notAfter ?? null) : null)),
    ),
  )
  return registry
}

type Labels = Record<string, string>

function endpoints(
  { target, name, endpoints: all }: TargetStatus,
  valueOf: (endpoint: TargetStatus['endpoints'][number]) => number | null,
): readonly (readonly [Labels, number | null])[] {
  return all.map((one) => [
    { target, name, endpoint: one.address, protocol: one.protocol, servername: one.servername ?? '' },
    valueOf(one),
  ])
}

/** A name from outside is one label on one line. */
function plainLabels(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, plainText(value, 200)]))
}

function named<Name extends keyof typeof metricTable>(
  name: Name,
): { readonly name: Name; readonly help: string; readonly labelNames: string[] } {
  const { help, labels } = metricTable[name]
  return { name, help, labelNames: [...labels] }
}

function seconds(time: string | null): number | null {
  return time === null ? null : Date.parse(time) / 1000
}

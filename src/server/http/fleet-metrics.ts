import { Gauge, type Registry } from 'prom-client'
import { matterKinds } from '../../notice/matter.ts'
import type { Overview } from '../operation/fleet/overview.ts'

const hostStates = ['calling', 'silent', 'never', 'retired'] as const
const endStates = ['expired', 'day', 'week', 'month', 'later', 'unsigned', 'unused'] as const

/** What the fleet page counts, for Prometheus. Its labels are states: no name of a host is in it, however large the fleet is. */
export function measureFleet(overview: () => Promise<Overview>, registry: Registry): void {
  const gauge = (
    name: string,
    help: string,
    labelNames: readonly string[],
    set: (gauge: Gauge, overview: Overview) => void,
  ): void =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames,
        registers: [],
        async collect() {
          set(this, await overview())
        },
      }),
    )
  gauge('waxseal_server_agents', 'Agents, by whether they call.', ['state'], (all, { hosts }) => {
    for (const state of hostStates) all.set({ state }, hosts[state] ?? 0)
  })
  gauge('waxseal_server_agents_doubled', 'Agents that two hosts say to be.', [], (all, { twins }) => all.set(twins))
  gauge(
    'waxseal_server_certificates',
    'Certificates by the end of the newest version: over, within a day, a week, 30 days, later.',
    ['ends'],
    (all, { certificates }) => {
      for (const ends of endStates) all.set({ ends }, certificates.ends[ends] ?? 0)
    },
  )
  gauge(
    'waxseal_server_certificates_in_trouble',
    'Certificates whose last renewal, signature or deployment has an error.',
    [],
    (all, { certificates }) => all.set(certificates.failing),
  )
  gauge(
    'waxseal_server_certificates_late',
    'Certificates of whose lives nine tenths are gone, and that have not expired.',
    [],
    (all, { certificates }) => all.set(certificates.late),
  )
  gauge('waxseal_server_targets_drifting', 'Targets that are not as they were deployed.', [], (all, { drifting }) =>
    all.set(drifting),
  )
  gauge('waxseal_server_matters', 'Matters that want a person, muted ones, too.', ['kind'], (all, { matters }) => {
    for (const kind of matterKinds) all.set({ kind }, matters.find((one) => one.kind === kind)?.count ?? 0)
  })
  gauge('waxseal_server_jobs_failed_last_day', 'Jobs that failed in the last 24 hours.', [], (all, { failures }) =>
    all.set(failures.count),
  )
}

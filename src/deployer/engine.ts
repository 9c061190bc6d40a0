import type { PolicyConfig } from '../config/config.ts'
import type { HostTargets } from '../config/host-targets.ts'
import type { InstanceConfig } from '../config/instances.ts'
import type { HostView } from '../connector/host-view.ts'
import type { Registry } from '../connector/registry/registry.ts'
import type { Clock } from '../host/clock.ts'
import type { Archive } from '../journal/archive.ts'
import type { DeploymentRecords } from '../journal/deployment-record.ts'
import type { History } from '../journal/history.ts'
import type { Journal } from '../journal/journal.ts'
import type { TrustedRoots } from '../material/trusted-by.ts'
import type { OrderMemory } from './order/order-memory.ts'
import type { ReloadRate } from './reload-rate.ts'
import type { Turns } from './turns.ts'

/** What every deployment needs of this host. */
export interface Engine {
  readonly registry: Registry
  readonly policy: PolicyConfig
  /** Daemons beside the default ones, as the host's configuration names them. */
  readonly instances: readonly InstanceConfig[]
  /** The host's own targets, as far as their connectors know them, and their folder. */
  readonly ownTargets: HostTargets
  readonly targetsDir: string
  readonly hostView: HostView
  /** The roots of the system, read once, when they are asked for. */
  readonly trustedRoots: () => TrustedRoots
  readonly journal: Journal
  readonly records: DeploymentRecords
  readonly archive: Archive
  readonly history: History
  readonly reloadRate: ReloadRate
  /** Which orders were taken. */
  readonly orders: OrderMemory
  /** Files are changed by one process at a time. */
  readonly turns: Turns
  readonly clock: Clock
  /** How many services are deployed to at the same time. */
  readonly parallelServices: number
  readonly timeouts: { readonly checkMs: number; readonly activateMs: number }
}

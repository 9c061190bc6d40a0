import type { DiscoveredFilter, ListedDiscovered } from '../../store/discovered-store.ts'
import type {
  CertificateFilter,
  FailureFilter,
  FleetCertificate,
  FleetDrift,
  FleetFailure,
  FleetHost,
  HostFilter,
} from '../../store/fleet-store.ts'
import type { Page } from '../../store/page.ts'
import type { Store } from '../../store/store.ts'
import type { Parts } from '../parts.ts'
import { hostTimes } from './host-times.ts'

const aPage = 50
const dayMs = 86_400_000

/** A part of a list. */
export interface Listed<Row> {
  readonly at: number
  readonly rows: readonly Row[]
  /** What the next part is asked for with; null: there is none. */
  readonly next: string | null
}

/** Which rows are wanted; `host`: of this one alone, by its name. */
export type Wanted<Filter> = Omit<Filter, 'agentId' | 'since'> & {
  readonly after?: string | undefined
  readonly host?: string | undefined
}

/** Hosts, by name. */
export async function fleetHosts(
  { store, presence }: Pick<Parts, 'store' | 'presence'>,
  { after, ...filter }: Wanted<HostFilter>,
): Promise<Listed<FleetHost>> {
  const at = await store.now()
  const read = (page: Page) => store.fleet.hosts(page, hostTimes(presence, at), filter)
  return partOf({ at, after })(read, ({ name }) => name)
}

/** Certificates, the nearest end first. */
export async function fleetCertificates(
  { store }: Pick<Parts, 'store'>,
  { after, host, ...filter }: Wanted<CertificateFilter>,
): Promise<Listed<FleetCertificate>> {
  const at = await store.now()
  const read = ofHost(store, host, (page: Page, agentId) => store.fleet.certificates(page, at, { ...filter, agentId }))
  return partOf({ at, after })(read, ({ notAfter, id }) => `${notAfter ?? 0}-${id}`)
}

/** Jobs that failed, the newest first; `days`: of so many. */
export async function fleetFailures(
  { store }: Pick<Parts, 'store'>,
  { after, host, days, ...filter }: Wanted<FailureFilter> & { readonly days: number },
): Promise<Listed<FleetFailure>> {
  const at = await store.now()
  const since = at - days * dayMs
  const read = ofHost(store, host, (page: Page, agentId) => store.fleet.failures(page, { ...filter, since, agentId }))
  return partOf({ at, after })(read, ({ updatedAt, seq }) => `${updatedAt}-${seq}`)
}

/** Targets that are not as they were deployed, by name. */
export async function fleetDrift(
  { store }: Pick<Parts, 'store'>,
  { after, host }: Wanted<object>,
): Promise<Listed<FleetDrift>> {
  const read = ofHost(store, host, (page: Page, agentId) => store.fleet.drift(page, { agentId }))
  return partOf({ at: await store.now(), after })(read, ({ name }) => name)
}

/** Certificates that were found on hosts, but for those of CAs, in the order in which they were found. */
export async function fleetFound(
  { store }: Pick<Parts, 'store'>,
  { after, host, status }: Wanted<Pick<DiscoveredFilter, 'status'>>,
): Promise<Listed<ListedDiscovered>> {
  const read = ofHost(store, host, (page: Page, agentId) =>
    store.discovered.list(page, { agentId, status, hasCas: false }),
  )
  return partOf({ at: await store.now(), after })(read, ({ seq }) => String(seq))
}

/** What reads a part of a list: one row more than is shown tells that there is a next part. */
export function partOf({ at, after, size = aPage }: PartOf) {
  return async <Row>(
    read: (page: Page) => Promise<readonly Row[]>,
    keyOf: (row: Row) => string,
  ): Promise<Listed<Row>> => {
    const found = await read({ after, limit: size + 1 })
    const rows = found.slice(0, size)
    const last = rows.at(-1)
    return { at, rows, next: found.length > size && last !== undefined ? keyOf(last) : null }
  }
}

interface PartOf {
  readonly at: number
  readonly after: string | undefined
  /** Of a part. */
  readonly size?: number
}

/** What reads a part of a list of the agent with this name or id; of one that is not there no row. */
export function ofHost<Row>(
  store: Store,
  host: string | undefined,
  read: (page: Page, agentId?: string) => Promise<readonly Row[]>,
): (page: Page) => Promise<readonly Row[]> {
  return async (page) => {
    if (host === undefined) return read(page)
    const agent = await store.agents.named(host)
    return agent === null ? [] : read(page, agent.id)
  }
}

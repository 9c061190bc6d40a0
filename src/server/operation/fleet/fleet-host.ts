import type { FleetCertificate, FleetFailure, FleetHost } from '../../store/fleet-store.ts'
import type { WindowRow } from '../../store/window-store.ts'
import { listRollovers, type ShownRollover } from '../dane/show-rollovers.ts'
import { agentNamed } from '../named.ts'
import type { Parts } from '../parts.ts'
import { Refusal } from '../refusal.ts'
import { listTargets } from '../target/list-targets.ts'
import { type Listed, partOf } from './fleet-lists.ts'
import { hostTimes } from './host-times.ts'

/** Its lists have the others. */
const mostShown = 10
const failuresMs = 30 * 86_400_000

/** A target of a host, with how far what is on it is in its life. */
export type HostTarget = Awaited<ReturnType<typeof listTargets>>[number]

/** One host, with what it has. */
export interface ShownHost {
  readonly host: FleetHost
  readonly registeredAt: number
  /** When its renewals are handed out; none: at any time. */
  readonly windows: readonly WindowRow[]
  /** The nearest ends. */
  readonly certificates: readonly FleetCertificate[]
  /** The newest ones of thirty days. */
  readonly failures: readonly FleetFailure[]
  /** Of its first targets with roll-over. */
  readonly rollovers: readonly ShownRollover[]
  readonly targets: Listed<HostTarget>
}

/** The host with this name, or id, and its targets by name. Refuses ('missing') where there is none. */
export async function fleetHost(
  { store, presence }: Pick<Parts, 'store'> & { readonly presence: Pick<Parts['presence'], 'since'> },
  name: string,
  after: string | undefined,
): Promise<ShownHost> {
  const at = await store.now()
  const agent = await agentNamed(store, name)
  const { id: agentId } = agent
  const [host] = await store.fleet.hosts({ limit: 1 }, hostTimes(presence, at), { agentId })
  if (host === undefined) throw new Refusal('missing', `there is no such agent: ${name}`)
  const page = { limit: mostShown }
  return {
    host,
    registeredAt: agent.registeredAt,
    windows: await store.windows.of(agentId),
    certificates: await store.fleet.certificates(page, at, { agentId }),
    failures: await store.fleet.failures(page, { since: at - failuresMs, agentId }),
    rollovers: await listRollovers({ store }, page, agentId),
    targets: await partOf({ at, after })(
      (part) => listTargets({ store }, part, agentId),
      ({ target }) => target.name,
    ),
  }
}

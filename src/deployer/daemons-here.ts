import type { InstanceConfig } from '../config/instances.ts'
import type { Connector } from '../connector/connector.ts'
import { foreignPartOf } from '../policy/name-instance.ts'
import type { Engine } from './engine.ts'
import { meantConnector } from './propose/meant-connector.ts'

/** A daemon that this host may have: the default one of a connector, or an instance of the configuration. */
export interface DaemonHere {
  /** For people: `nginx`, `nginx, instance web`. */
  readonly label: string
  readonly connector: Connector
}

/**
 * All of them, the default ones first. Left out are instances that nobody can mean, and those that somebody else than root could
 * change: their settings are not read. `waxseal check` tells of both.
 */
export async function daemonsHere({
  registry,
  instances,
}: Pick<Engine, 'registry' | 'instances'>): Promise<readonly DaemonHere[]> {
  const named = instances.map((instance) => instanceHere(instance, registry))
  const defaults = registry.connectors.map((connector) => ({ label: connector.name, connector }))
  return [...defaults, ...(await Promise.all(named)).flat()]
}

async function instanceHere(
  instance: InstanceConfig,
  { connectors }: Engine['registry'],
): Promise<readonly DaemonHere[]> {
  const known = connectors.find(({ name }) => name === instance.connector)
  if (known === undefined || (await foreignPartOf(instance)) !== null) return []
  try {
    const { meant } = meantConnector(known, instance)
    return [{ label: `${known.name}, instance ${instance.name}`, connector: meant }]
  } catch {
    return []
  }
}

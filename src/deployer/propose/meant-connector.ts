import type { InstanceConfig } from '../../config/instances.ts'
import type { Connector } from '../../connector/connector.ts'
import { invalidField } from '../../connector/planner/field.ts'
import { connectorInside } from '../../connector/wiring/connector-inside.ts'

/** A connector for one instance of its daemon. */
export interface Meant {
  /** With the daemon's own commands as they are where it runs. */
  readonly bare: Connector
  /** The same as this host reaches it: in a container, by `run`. */
  readonly meant: Connector
}

/** The connector for this instance; null: the default one. TARGET_INVALID: its daemon has no other. */
export function meantConnector(connector: Connector, instance: InstanceConfig | null): Meant {
  if (instance === null) return { bare: connector, meant: connector }
  const bare = instanceOf(connector, instance)
  const { run, paths } = instance
  return { bare, meant: run === null ? bare : connectorInside(bare, { run, paths }) }
}

function instanceOf(connector: Connector, instance: InstanceConfig): Connector {
  const { config, socket, masterSocket, admin } = instance
  if (connector.at !== undefined) return connector.at(instance)
  if ([config, socket, masterSocket, admin].every((part) => part === null)) return connector
  throw invalidField('instance', `${connector.name} knows its default instance alone`)
}

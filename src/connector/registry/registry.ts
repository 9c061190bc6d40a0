import { nearest } from '../../error/nearest.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Connector } from '../connector.ts'

/** The connectors of this agent, by name and alias. */
export interface Registry {
  readonly connectors: readonly Connector[]
  /** By name or alias, in any case; CONNECTOR_UNKNOWN names those that are known. */
  find(name: string): Connector
}

/** A registry in which every name and alias is taken once; throws INTERNAL otherwise. */
export function createRegistry(connectors: readonly Connector[]): Registry {
  const byName = new Map<string, Connector>()
  for (const connector of connectors) {
    for (const name of new Set([connector.name, ...connector.aliases].map((alias) => alias.toLowerCase()))) {
      if (byName.has(name)) throw new WaxsealError('INTERNAL', { reason: `two connectors are called ${name}` })
      byName.set(name, connector)
    }
  }
  return {
    connectors,
    find: (name) => {
      const connector = byName.get(name.toLowerCase())
      if (connector !== undefined) return connector
      const meant = nearest(
        name,
        connectors.flatMap((known) => [known.name, ...known.aliases]),
      )
      throw new WaxsealError('CONNECTOR_UNKNOWN', {
        connector: name.slice(0, 100),
        known: connectors.map((known) => known.name),
        ...(meant === null ? {} : { hint: `Is ${meant} meant?` }),
      })
    },
  }
}

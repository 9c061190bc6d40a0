import { builtInConnectors } from '../connector/built-in.ts'
import { parseOutside } from '../connector/parse-outside.ts'
import { createRegistry, type Registry } from '../connector/registry.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { loadModule } from '../host/load-module.ts'

/** The built-in connectors, and those of the modules that the host's configuration names. CONNECTOR_INVALID names the module. */
export async function loadConnectors(modules: readonly string[]): Promise<Registry> {
  let connectors = builtInConnectors
  for (const module of modules) {
    const exports = await loadModule(module).catch((error: Error) => {
      throw new WaxsealError('CONNECTOR_INVALID', { module, reason: error.message }, { cause: error })
    })
    const connector = parseOutside(module, exports)
    const taken = [connector.name, ...connector.aliases].find((name) => isKnown(name, connectors))
    if (taken !== undefined)
      throw new WaxsealError('CONNECTOR_INVALID', { module, reason: `another connector is called ${taken}` })
    connectors = [...connectors, connector]
  }
  return createRegistry(connectors)
}

function isKnown(name: string, connectors: Registry['connectors']): boolean {
  const known = connectors.flatMap((connector) => [connector.name, ...connector.aliases])
  return known.some((other) => other.toLowerCase() === name.toLowerCase())
}

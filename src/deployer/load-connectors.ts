import { builtInConnectors } from '../connector/registry/built-in.ts'
import { parseOutside } from '../connector/registry/parse-outside.ts'
import { createRegistry, type Registry } from '../connector/registry/registry.ts'
import { withinTime } from '../connector/registry/within-time.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { loadModule } from '../host/process/load-module.ts'

/** A module that waits for something at its top level waits no longer than this, in milliseconds. */
const loadMs = 10_000

/**
 * The built-in connectors, and those of the modules that the host's configuration names, each of whose plans may take
 * `planMs`. CONNECTOR_INVALID names the module.
 */
export async function loadConnectors(modules: readonly string[], planMs: number): Promise<Registry> {
  let connectors = builtInConnectors
  for (const module of modules) {
    const exports = await withinTime(loadMs, new AbortController().signal, () => loadModule(module)).catch(
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : `it throws ${typeof error}`
        throw new WaxsealError('CONNECTOR_INVALID', { module, reason: reason.slice(0, 500) }, { cause: error })
      },
    )
    const connector = parseOutside(module, exports, planMs)
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

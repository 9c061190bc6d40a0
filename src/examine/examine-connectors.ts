import type { Connector } from '../connector/connector.ts'
import { builtInConnectors } from '../connector/registry/built-in.ts'
import { contract } from '../connector/registry/contract.ts'
import type { Engine } from '../deployer/engine.ts'
import type { Material } from '../material/material.ts'
import { throwawayMaterial } from '../material/throwaway-material.ts'
import type { Finding } from './finding.ts'

/** Which connectors there are, and of each from outside whether it keeps what every connector promises. */
export async function examineConnectors({ registry, clock }: Engine): Promise<readonly Finding[]> {
  const outside = registry.connectors.filter((connector) => !builtInConnectors.includes(connector))
  const builtIn = builtInConnectors.map(({ name }) => name).join(', ')
  const listed: Finding = { what: 'connectors', verdict: 'ok', detail: `built in: ${builtIn}` }
  if (outside.length === 0) return [listed]
  const material = await throwawayMaterial('mail.example.net', new Date(clock.now()))
  return [listed, ...(await Promise.all(outside.map((connector) => examineContract(connector, material))))]
}

async function examineContract(connector: Connector, material: Material): Promise<Finding> {
  const what = `connector ${connector.name}`
  for (const { claim, breaches } of contract) {
    const [breach] = await breaches(connector, material)
    if (breach === undefined) continue
    const detail = `from outside, and it is not true that ${claim}: ${breach}; docs/adding-a-connector.md says what it must keep`
    return { what, verdict: 'failed', detail }
  }
  return { what, verdict: 'ok', detail: 'from outside, and it keeps the contract of connectors' }
}

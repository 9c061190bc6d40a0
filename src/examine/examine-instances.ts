import type { InstanceConfig } from '../config/instances.ts'
import type { Engine } from '../deployer/engine.ts'
import { foreignPartOf } from '../policy/name-instance.ts'
import type { Finding } from './finding.ts'

type Asked = Pick<Engine, 'instances' | 'registry'>

/** The instances that the configuration names: whether each can be meant, and is root's alone. */
export async function examineInstances({ instances, registry }: Asked): Promise<readonly Finding[]> {
  return Promise.all(instances.map((instance) => examineInstance(instance, registry)))
}

async function examineInstance(instance: InstanceConfig, registry: Asked['registry']): Promise<Finding> {
  const { name, connector, config, socket, masterSocket, admin, run } = instance
  const what = `instance ${name}`
  const known = registry.connectors.find((one) => one.name === connector)
  if (known === undefined) {
    const names = registry.connectors.map((one) => one.name).join(', ')
    return { what, verdict: 'failed', detail: `no connector is called ${connector}; there are ${names}` }
  }
  const words = [config, socket, masterSocket, admin].filter((word) => word !== null)
  if (known.at === undefined && words.length > 0) {
    const detail = `${connector} knows its default instance alone: leave out ${words.join(', ')}`
    return { what, verdict: 'failed', detail }
  }
  const foreign = await foreignPartOf(instance)
  if (foreign !== null) {
    const detail = `${foreign.path}: ${foreign.reason}. Jobs for it are refused until it is mended.`
    return { what, verdict: 'failed', detail }
  }
  const how = run === null ? '' : `, by ${run.join(' ')}`
  return { what, verdict: 'ok', detail: `${connector}${words.length === 0 ? '' : ` ${words.join(', ')}`}${how}` }
}

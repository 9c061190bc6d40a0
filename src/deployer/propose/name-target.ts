import type { InstanceConfig } from '../../config/instances.ts'
import type { Connector } from '../../connector/connector.ts'
import { isRedacted, requireBounded } from '../../connector/planner/check-target.ts'
import { checkNamed } from '../../policy/check-named.ts'
import { nameInstance, type UsualDaemon } from '../../policy/name-instance.ts'
import type { Engine } from '../engine.ts'
import { meantConnector } from './meant-connector.ts'
import type { OwnedTarget } from './own-targets.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * The first step of policy: what a job names. Returns the target with the connector of the instance that it means. Until then
 * nothing of the host is read, asked or run on behalf of the job.
 */
export async function nameTarget(target: OwnedTarget, engine: Engine): Promise<OwnedTarget> {
  const { connector, config, own, isHosts } = target
  requireBounded(config)
  const fields = fieldsOf(config)
  const said = isHosts ? { byJob: {}, byHost: { ...own, ...fields } } : { byJob: fields, byHost: own }
  const daemon = daemonOf(connector, { ...said.byHost, ...said.byJob }, engine)
  const instance = await nameInstance(said, usualOf(daemon, engine), engine.instances)
  const { bare, meant } = meantConnector(connector, instance)
  // A job may say a command of the daemon's own as it is inside, too.
  const standardCommands = [...bare.standardCommands, ...meant.standardCommands]
  await checkNamed(said.byJob, { ...engine.policy, standardCommands, paths: instance?.paths ?? [] })
  return { ...target, connector: isPassing(instance, target, engine) ? withDefaults(meant, connector) : meant }
}

/** Settings that root names on a command line, and no file of the host's has: a recovery would not know them. */
function isPassing(instance: InstanceConfig | null, { isHosts }: OwnedTarget, { ownTargets }: Engine): boolean {
  if (!isHosts || instance === null || instance.name !== '' || instance.config === null) return false
  return !ownTargets.targets.some(({ fields }) => fields['daemon_config'] === instance.config)
}

/** So their commands are the policy's to allow, as any other. */
function withDefaults(meant: Connector, { standardCommands }: Connector): Connector {
  return { ...meant, standardCommands }
}

/** A blanked field says nothing. */
function fieldsOf(config: unknown): Fields {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return {}
  return Object.fromEntries(Object.entries(config).filter(([, value]) => !isRedacted(value)))
}

/** A mail daemon's target may mean the other one by its `mode`. */
function daemonOf(connector: Connector, { mode }: Fields, { registry }: Engine): Connector {
  return registry.connectors.find(({ name }) => name === mode) ?? connector
}

function usualOf({ name, usual = {} }: Connector, { hostView }: Engine): UsualDaemon {
  const { config = [], admin = [] } = usual
  return { name, config, admin, sockets: async () => (await usual.sockets?.(hostView)) ?? [] }
}

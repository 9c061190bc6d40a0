import type { HostTarget } from '../config/host-targets.ts'
import type { InstanceConfig } from '../config/instances.ts'
import type { Connector } from '../connector/connector.ts'
import type { Instance } from '../connector/instance.ts'
import type { Registry } from '../connector/registry/registry.ts'
import type { JournalEntry, JournalledDeployment } from '../journal/journal.ts'
import type { Command, Probe } from '../plan/plan.ts'
import { isCommandAllowed, isProbeAllowed } from '../policy/policy.ts'
import type { Engine } from './engine.ts'
import { meantConnector } from './propose/meant-connector.ts'
import { isCalled } from './propose/own-targets.ts'

/** What today's policy leaves of a journal entry, and what it does not, in words. */
export interface AllowedToday {
  /** Never written down: a policy that allows more tomorrow finds the whole entry again. */
  readonly entry: JournalEntry
  /** Each a command or an address. */
  readonly refused: readonly string[]
}

type Asked = Pick<Engine, 'registry' | 'instances' | 'ownTargets' | 'policy' | 'hostView'>

/**
 * A journal says what was allowed when it was written. What a recovery runs and connects to is asked of the policy of today; files
 * are put back whatever that says.
 */
export async function allowedToday(entry: JournalEntry, engine: Asked): Promise<AllowedToday> {
  const files = entry.deployments.flatMap((one) => one.files.map(({ path }) => ({ path })))
  const { refused, isRun, isAsked } = askToday(files, engine)
  const deployments: JournalledDeployment[] = []
  for (const deployment of entry.deployments) deployments.push(await withProbes(deployment, isAsked))
  const others = await which(entry.others ?? [], ({ probe }) => isAsked(probe))
  const [checks, activate, recover] = [
    await which(entry.checks, isRun),
    await which(entry.activate, isRun),
    await which(entry.recover, isRun),
  ]
  return { entry: { ...entry, deployments, others, checks, activate, recover }, refused: [...refused] }
}

/** Today's policy, of what was written down earlier. */
export interface Today {
  /** What it refused so far, each a command or an address. */
  readonly refused: ReadonlySet<string>
  isRun(command: Command): Promise<boolean>
  isAsked(probe: Probe): Promise<boolean>
}

/** `files`: those that the commands are about. */
export function askToday(files: readonly { readonly path: string }[], engine: Asked): Today {
  const refused = new Set<string>()
  return {
    refused,
    isRun: async (command) => {
      const among = (standard: readonly Command[]): Promise<boolean> =>
        isCommandAllowed(command, files, engine.policy, standard)
      // Settings of daemons are read only where it takes them to know.
      const isAllowed = (await among(knownCommands(engine))) || (await among(await usualCommands(engine)))
      if (!isAllowed) refused.add(command.join(' '))
      return isAllowed
    },
    isAsked: async (probe) => {
      const isAllowed = await isProbeAllowed(probe, engine.policy)
      if (!isAllowed) refused.add(probe.host.startsWith('/') ? probe.host : `${probe.host}:${probe.port}`)
      return isAllowed
    },
  }
}

/** What is known of each probe stands in lists of the same order. */
async function withProbes(
  deployment: JournalledDeployment,
  isAsked: (probe: Probe) => Promise<boolean>,
): Promise<JournalledDeployment> {
  const kept = new Set<number>()
  for (const [index, probe] of deployment.probes.entries()) if (await isAsked(probe)) kept.add(index)
  if (kept.size === deployment.probes.length) return deployment
  const only = <T>(list: readonly T[]): readonly T[] => list.filter((_, index) => kept.has(index))
  const { probes, oldLeaves, before, ...rest } = deployment
  const looks = before === undefined ? {} : { before: only(before) }
  return { ...rest, probes: only(probes), oldLeaves: only(oldLeaves), ...looks }
}

async function which<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<readonly T[]> {
  const held: T[] = []
  for (const item of items) if (await holds(item)) held.push(item)
  return held
}

/** Of every daemon that this host knows: its default instance, those of the configuration, and those of its own target files. */
function knownCommands({ registry, instances, ownTargets }: Asked): readonly Command[] {
  const all = [...instances, ...ownTargets.targets.flatMap((target) => instanceIn(target, registry))]
  return registry.connectors.flatMap((connector) => {
    const own = all.filter((instance) => instance.connector === connector.name)
    return [connector, ...own.flatMap((instance) => reached(connector, instance))].flatMap(
      ({ standardCommands }) => standardCommands,
    )
  })
}

function reached(connector: Connector, instance: InstanceConfig): readonly Connector[] {
  try {
    return [meantConnector(connector, instance).meant]
  } catch {
    return []
  }
}

function instanceIn({ connector, fields }: HostTarget, registry: Registry): readonly InstanceConfig[] {
  const said = (field: string): string | null => (typeof fields[field] === 'string' ? fields[field] : null)
  const name = registry.connectors.find((one) => isCalled(one, connector))?.name
  const words = {
    config: said('daemon_config'),
    socket: said('runtime_socket'),
    masterSocket: said('master_socket'),
    admin: said('admin_api'),
  }
  return name === undefined ? [] : [{ name: '', connector: name, ...words, run: null, paths: [] }]
}

/** The same with what the default instance's own settings have: its sockets above all. */
async function usualCommands({ registry, hostView }: Asked): Promise<readonly Command[]> {
  const commands: Command[] = []
  for (const connector of registry.connectors) {
    for (const instance of await usualInstances(connector, hostView))
      commands.push(...(connector.at === undefined ? [] : connector.at(instance).standardCommands))
  }
  return commands
}

async function usualInstances({ usual }: Connector, hostView: Engine['hostView']): Promise<readonly Instance[]> {
  const sockets = (await usual?.sockets?.(hostView).catch(() => [])) ?? []
  const bare = { config: null, socket: null, masterSocket: null, admin: null }
  return [
    ...sockets.flatMap((socket) => [
      { ...bare, socket },
      { ...bare, masterSocket: socket },
    ]),
    ...(usual?.config ?? []).map((config) => ({ ...bare, config })),
    ...(usual?.admin ?? []).map((admin) => ({ ...bare, admin })),
  ]
}

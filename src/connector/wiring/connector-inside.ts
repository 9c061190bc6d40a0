import { WaxsealError } from '../../error/waxseal-error.ts'
import type { Command, Plan, PlannedTable } from '../../plan/plan.ts'
import type { Connector, OwnService } from '../connector.ts'
import { invalidField } from '../planner/field.ts'
import { type Box, inBox, insideOf, outsideOf, shownOutside } from './box.ts'
import { viewInside } from './view-inside.ts'
import { isUnwired, type Wiring } from './wiring.ts'

/**
 * The same connector for a daemon in a container. It plans as if it were inside: with the daemon's paths, settings and commands. Its
 * plan is then what that is on this host: files by their paths here, its own commands run by `run`. What the target or the policy has as
 * a command is run here, as it stands.
 */
export function connectorInside(connector: Connector, box: Box): Connector {
  const { own, readWiring, ...rest } = connector
  return {
    ...rest,
    ...(own === undefined || own.reload[0] === 'systemctl' ? {} : { own: ownInside(own, box) }),
    standardCommands: connector.standardCommands.map((command) => inBox(command, box)),
    ...(readWiring === undefined
      ? {}
      : {
          readWiring: async (host, target) => {
            const wiring = await readWiring(viewInside(host, box), moveIn(target, box))
            return isUnwired(wiring) ? wiring : wiringOutside(wiring, box)
          },
        }),
    plan: async (target, material, host, signal) =>
      planOutside(await connector.plan(moveIn(target, box), material, viewInside(host, box), signal), connector, box),
  }
}

/** Neither its processes nor its sockets need be this host's. */
function ownInside({ loading: _, ...own }: OwnService, box: Box): OwnService {
  return { ...own, check: inBox(own.check, box), reload: inBox(own.reload, box), signs: 'answers' }
}

/** Each path of this host's, at any depth, as the daemon calls it. */
function moveIn(value: unknown, box: Box): unknown {
  if (typeof value === 'string') return value.startsWith('/') ? insideOf(value, box) : value
  if (Array.isArray(value)) return value.map((inner) => moveIn(inner, box))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, moveIn(inner, box)]))
}

function planOutside(plan: Plan, { standardCommands }: Connector, box: Box): Plan {
  const tables = plan.tables?.map((table) => tableOutside(table, box))
  const isOwn = (command: Command): boolean =>
    standardCommands.some((own) => fits(command, own)) ||
    (plan.tables ?? []).some((table) => table.command.join('\0') === command.join('\0'))
  const outside = (command: Command): Command => (isOwn(command) ? ownOutside(command, box) : command)
  return {
    ...plan,
    files: plan.files.map((file) => ({ ...file, path: written(file.path, box) })),
    check: plan.check === null ? null : outside(plan.check),
    activate: plan.activate.map(outside),
    recover: plan.recover.map(outside),
    wiring: plan.wiring === null ? null : wordsOutside(plan.wiring, box),
    ...(tables === undefined ? {} : { tables }),
    generation:
      plan.generation === null
        ? null
        : { directory: written(plan.generation.directory, box), link: written(plan.generation.link, box) },
  }
}

function fits(command: Command, own: Command): boolean {
  return command.length === own.length && own.every((word, index) => word === command[index] || word === '<file>')
}

function ownOutside(command: Command, box: Box): Command {
  if (command[0] === 'systemctl')
    throw invalidField('reload_command', 'no service manager reloads a daemon in a container: say how it is reloaded')
  const file = command[0] === 'waxseal:haproxy-load' ? (command[2] ?? '') : null
  if (file !== null && outsideOf(file, box) !== null && outsideOf(file, box) !== file)
    throw invalidField('runtime_socket', 'HAProxy has another path for the file than this host: use its master_socket')
  return inBox(command, box)
}

function written(path: string, box: Box): string {
  const outside = outsideOf(path, box)
  if (outside !== null) return outside
  const reason = 'it is in none of the folders that the container shares with this host'
  throw new WaxsealError('PATH_NOT_ALLOWED', { path, reason, setting: 'instances' })
}

/** Each path in it, at any depth; all other words are sentences and names. */
function wordsOutside<T>(value: T, box: Box): T {
  if (typeof value === 'string') return shownOutside(value, box) as T
  if (Array.isArray(value)) return value.map((inner: unknown) => wordsOutside(inner, box)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, wordsOutside(inner, box)])) as T
}

/** Of names whose files are inside alone nothing can be told from here. */
function tableOutside({ source, command, others }: PlannedTable, box: Box): PlannedTable {
  const seen = others.filter(({ paths }) => paths.every((path) => outsideOf(path, box) !== null))
  return {
    source: shownOutside(source, box),
    command: inBox(command, box),
    others: seen.map((entry) => ({ ...entry, paths: entry.paths.map((path) => shownOutside(path, box)) })),
  }
}

function wiringOutside({ listeners, maps, named, ...told }: Wiring, box: Box): Wiring {
  const moved = maps.map(({ command, ...map }) => ({
    ...wordsOutside(map, box),
    command: command === null ? null : inBox(command, box),
  }))
  return {
    listeners: listeners.map((listener) => ({ ...listener, files: wordsOutside(listener.files, box) })),
    maps: moved,
    named: wordsOutside(named, box),
    ...told,
  }
}

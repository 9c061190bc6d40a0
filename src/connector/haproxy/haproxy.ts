import type { Command } from '../../plan/plan.ts'
import type { Connector, OwnService } from '../connector.ts'
import type { Instance } from '../instance.ts'
import { meansUsualInstance } from '../planner/means-usual-instance.ts'
import { accessOf, chainPem, plannedFile, planService } from '../planner/plan-service.ts'
import type { AccessTarget, ServiceTarget } from '../planner/target.ts'
import { accessFields, pathValue, serviceFields, targetSchema } from '../planner/target-schema.ts'
import { wirePlan } from '../wiring/wire-plan.ts'
import { haproxyConfigsOf, haproxySocketsOf } from './configs-of.ts'
import { readHaproxyWiring } from './read-wiring.ts'

interface HaproxyTarget extends ServiceTarget, AccessTarget<'pem_file'> {
  readonly pem_path: string
  readonly master_socket?: string
  readonly runtime_socket?: string
}

const schema = targetSchema(
  {
    pem_path: { ...pathValue, description: 'Leaf, chain and key, as `crt` in the configuration names it.' },
    master_socket: {
      ...pathValue,
      description:
        'The master CLI (`-S`), one that HAProxy or `instances` of the host has: reloads, and sees a reload that fails though it says nothing.',
    },
    runtime_socket: {
      ...pathValue,
      description:
        'The runtime API (`stats socket … level admin`), one that HAProxy or `instances` of the host has: the file is loaded without a reload.',
    },
    ...accessFields('pem_file', 'the file; one that lets others in is refused'),
    ...serviceFields,
  },
  ['pem_path'],
)

/** The HAProxy with these configuration files, and with the socket that it is told by; null: the host's own, by a reload. */
export function haproxyOf(
  configs: readonly string[] | null,
  sockets: Pick<Instance, 'socket' | 'masterSocket'> = { socket: null, masterSocket: null },
): Connector<HaproxyTarget> {
  const check: Command = ['haproxy', '-c', ...(configs ?? ['/etc/haproxy/haproxy.cfg']).flatMap((file) => ['-f', file])]
  const standardCommands: readonly Command[] = [
    check,
    ['systemctl', 'reload', 'haproxy'],
    ...(sockets.masterSocket === null ? [] : [['waxseal:haproxy-reload', sockets.masterSocket] as const]),
    ...(sockets.socket === null ? [] : [['waxseal:haproxy-load', sockets.socket, '<file>'] as const]),
  ]
  return {
    name: 'haproxy',
    aliases: ['HAProxy'],
    description:
      'Writes the one file that HAProxy reads, has it loaded by a reload or by the runtime API, and looks at its ports.',
    schema,
    example: { pem_path: '/etc/haproxy/certs/site.pem', endpoints: ['www.example.net:443'] },
    standardCommands,
    accounts: ['haproxy'],
    usual: { config: ['/etc/haproxy/haproxy.cfg'], sockets: haproxySocketsOf },
    at: (instance) => haproxyOf(instance.config === null ? configs : [instance.config], instance),
    readWiring: async (host) => readHaproxyWiring(host, configs ?? (await haproxyConfigsOf(host))),
    ...ownOf(configs, sockets, check),
    plan: async (target, material, host) => {
      const text = material.leaf.pem + chainPem(material) + material.keyPem
      const plan = planService(target, material, {
        connector: 'haproxy',
        service: 'haproxy',
        files: [plannedFile(target.pem_path, 'bundle', text, accessOf(target, 'pem_file', true))],
        check,
        reload: reloadOf(target, sockets),
      })
      if (configs === null && !isUsual(target, sockets, standardCommands)) return plan
      const replaced = { path: target.pem_path, leaf: material.leaf }
      const wiring = await readHaproxyWiring(host, configs ?? (await haproxyConfigsOf(host)), replaced)
      return wirePlan(plan, wiring, target, material, host)
    },
  }
}

/** An instance is reloaded by its master socket alone: of another way only its administrator knows. */
function ownOf(
  configs: readonly string[] | null,
  { masterSocket }: Pick<Instance, 'socket' | 'masterSocket'>,
  check: Command,
): { readonly own?: OwnService } {
  const service = 'haproxy'
  if (masterSocket !== null)
    return { own: { service, check, reload: ['waxseal:haproxy-reload', masterSocket], signs: 'sockets' } }
  if (configs !== null) return {}
  const signs = { pidFiles: ['/run/haproxy.pid'], units: ['haproxy.service'], process: 'haproxy' }
  return { own: { service, check, reload: ['systemctl', 'reload', 'haproxy'], signs } }
}

/** HAProxy: leaf, chain and key in one file, replaced by one rename. */
export const haproxy = haproxyOf(null)

/** A socket elsewhere is that of another instance: in a container, or by hand. */
function isUsual(
  target: HaproxyTarget,
  { socket, masterSocket }: Pick<Instance, 'socket' | 'masterSocket'>,
  standardCommands: readonly Command[],
): boolean {
  return (
    meansUsualInstance(target, standardCommands) &&
    [socket, masterSocket].every((path) => path === null || /^(\/var)?\/(run|lib\/haproxy)\//.test(path))
  )
}

function reloadOf(
  { pem_path: path }: HaproxyTarget,
  { socket, masterSocket }: Pick<Instance, 'socket' | 'masterSocket'>,
): Command {
  if (socket !== null) return ['waxseal:haproxy-load', socket, path]
  return masterSocket === null ? ['systemctl', 'reload', 'haproxy'] : ['waxseal:haproxy-reload', masterSocket]
}

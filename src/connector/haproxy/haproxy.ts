import type { Command } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import { meansUsualInstance } from '../planner/means-usual-instance.ts'
import { accessOf, chainPem, plannedFile, planService } from '../planner/plan-service.ts'
import type { AccessTarget, ServiceTarget } from '../planner/target.ts'
import { accessFields, pathValue, serviceFields, targetSchema } from '../planner/target-schema.ts'
import { wirePlan } from '../wiring/wire-plan.ts'
import { haproxyConfigsOf } from './configs-of.ts'
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
      description: 'The master CLI (`-S`): reloads, and sees a reload that fails though it says nothing.',
    },
    runtime_socket: {
      ...pathValue,
      description: 'The runtime API (`stats socket … level admin`): the file is loaded without a reload.',
    },
    ...accessFields('pem_file', 'the file; one that lets others in is refused'),
    ...serviceFields,
  },
  ['pem_path'],
)

/** The HAProxy with these configuration files; null: the host's own. */
export function haproxyOf(configs: readonly string[] | null): Connector<HaproxyTarget> {
  const check: Command = ['haproxy', '-c', ...(configs ?? ['/etc/haproxy/haproxy.cfg']).flatMap((file) => ['-f', file])]
  const standardCommands: readonly Command[] = [
    check,
    ['systemctl', 'reload', 'haproxy'],
    ['waxseal:haproxy-reload', '<socket>'],
    ['waxseal:haproxy-load', '<socket>', '<file>'],
  ]
  return {
    name: 'haproxy',
    aliases: ['HAProxy'],
    description:
      'Writes the one file that HAProxy reads, has it loaded by a reload or by the runtime API, and looks at its ports.',
    schema,
    example: { pem_path: '/etc/haproxy/certs/site.pem', endpoints: ['www.example.net:443'] },
    standardCommands,
    readWiring: async (host) => readHaproxyWiring(host, configs ?? (await haproxyConfigsOf(host))),
    own: { service: 'haproxy', check, reload: ['systemctl', 'reload', 'haproxy'], pidFiles: ['/run/haproxy.pid'] },
    plan: async (target, material, host) => {
      const text = material.leaf.pem + chainPem(material) + material.keyPem
      const plan = planService(target, material, {
        connector: 'haproxy',
        service: 'haproxy',
        files: [plannedFile(target.pem_path, 'bundle', text, accessOf(target, 'pem_file', true))],
        check,
        reload: reloadOf(target),
      })
      if (configs === null && !isUsual(target, standardCommands)) return plan
      const replaced = { path: target.pem_path, leaf: material.leaf }
      const wiring = await readHaproxyWiring(host, configs ?? (await haproxyConfigsOf(host)), replaced)
      return wirePlan(plan, wiring, target, material, host)
    },
  }
}

/** HAProxy: leaf, chain and key in one file, replaced by one rename. */
export const haproxy = haproxyOf(null)

/** A socket elsewhere is that of another instance: in a container, or by hand. */
function isUsual(target: HaproxyTarget, standardCommands: readonly Command[]): boolean {
  const sockets = [target.master_socket, target.runtime_socket]
  return (
    meansUsualInstance(target, standardCommands) &&
    sockets.every((socket) => socket === undefined || /^(\/var)?\/(run|lib\/haproxy)\//.test(socket))
  )
}

function reloadOf({ pem_path: path, master_socket: master, runtime_socket: runtime }: HaproxyTarget): Command {
  if (runtime !== undefined) return ['waxseal:haproxy-load', runtime, path]
  return master === undefined ? ['systemctl', 'reload', 'haproxy'] : ['waxseal:haproxy-reload', master]
}

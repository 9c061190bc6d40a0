import type { Command } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import { accessOf, chainPem, plannedFile, planService } from '../plan-service.ts'
import type { AccessTarget, ServiceTarget } from '../target.ts'
import { accessFields, pathValue, serviceFields, targetSchema } from '../target-schema.ts'

interface HaproxyTarget extends ServiceTarget, AccessTarget<'pem_file'> {
  readonly pem_path: string
  readonly master_socket?: string
  readonly runtime_socket?: string
}

/** HAProxy: leaf, chain and key in one file, replaced by one rename. */
export const haproxy: Connector<HaproxyTarget> = {
  name: 'haproxy',
  aliases: ['HAProxy'],
  description:
    'Writes the one file that HAProxy reads, has it loaded by a reload or by the runtime API, and looks at its ports.',
  schema: targetSchema(
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
  ),
  example: { pem_path: '/etc/haproxy/certs/site.pem', endpoints: ['www.example.net:443'] },
  standardCommands: [
    ['haproxy', '-c', '-f', '/etc/haproxy/haproxy.cfg'],
    ['systemctl', 'reload', 'haproxy'],
    ['waxseal:haproxy-reload', '<socket>'],
    ['waxseal:haproxy-load', '<socket>', '<file>'],
  ],
  plan: async (target, material) => {
    const text = material.leaf.pem + chainPem(material) + material.keyPem
    return planService(target, material, {
      connector: 'haproxy',
      service: 'haproxy',
      files: [plannedFile(target.pem_path, 'bundle', text, accessOf(target, 'pem_file', true))],
      check: ['haproxy', '-c', '-f', '/etc/haproxy/haproxy.cfg'],
      reload: reloadOf(target),
    })
  },
}

function reloadOf({ pem_path: path, master_socket: master, runtime_socket: runtime }: HaproxyTarget): Command {
  if (runtime !== undefined) return ['waxseal:haproxy-load', runtime, path]
  return master === undefined ? ['systemctl', 'reload', 'haproxy'] : ['waxseal:haproxy-reload', master]
}

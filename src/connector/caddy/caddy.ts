import type { Connector } from '../connector.ts'
import { type FolderTarget, folderFields, planFolder } from '../planner/plan-folder.ts'
import { planService } from '../planner/plan-service.ts'
import { serviceFields, targetSchema } from '../planner/target-schema.ts'

interface CaddyTarget extends FolderTarget {
  readonly mode?: 'api' | 'file'
  readonly admin_api?: string
}

const usualAdmins = ['http://localhost:2019', 'http://127.0.0.1:2019', 'http://[::1]:2019']

const schema = targetSchema({
  mode: {
    enum: ['api', 'file'],
    description: 'Default `file`: a reload. `api`: the admin API loads the running configuration anew.',
  },
  admin_api: {
    type: 'string',
    pattern: '^http://[^/?#@\\\\\\s]+/?$',
    maxLength: 300,
    description: 'With `mode: "api"`. Default `http://localhost:2019`; any other as `instances` of the host has it.',
  },
  ...folderFields,
  ...serviceFields,
})

function caddyAt(admin: string): Connector<CaddyTarget> {
  return {
    name: 'caddy',
    aliases: ['Caddy'],
    description:
      'Writes the pair that Caddy reads, has it loaded by the admin API or by a reload, and looks at its ports.',
    schema,
    example: { mode: 'api', cert_dir: '/etc/caddy/certs', endpoints: ['www.example.net:443'] },
    standardCommands: [
      ['systemctl', 'reload', 'caddy'],
      ['waxseal:caddy-reload', admin],
    ],
    accounts: ['caddy'],
    usual: { admin: usualAdmins },
    at: (instance) => caddyAt(instance.admin ?? admin),
    plan: async (target, material) =>
      planService(target, material, {
        connector: 'caddy',
        service: 'caddy',
        files: planFolder(target, material, '/etc/caddy/certs'),
        check: null,
        reload: target.mode === 'api' ? ['waxseal:caddy-reload', admin] : ['systemctl', 'reload', 'caddy'],
      }),
  }
}

/** Caddy reads its files when it loads a configuration: by a reload, or by its admin API, which is given back its own. */
export const caddy = caddyAt('http://localhost:2019')

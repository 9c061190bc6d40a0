import type { Connector } from '../connector.ts'
import { type FolderTarget, folderFields, planFolder } from '../planner/plan-folder.ts'
import { planService } from '../planner/plan-service.ts'
import { serviceFields, targetSchema } from '../planner/target-schema.ts'

interface CaddyTarget extends FolderTarget {
  readonly mode?: 'api' | 'file'
  readonly admin_api?: string
}

/** Caddy reads its files when it loads a configuration: by a reload, or by its admin API, which is given back its own. */
export const caddy: Connector<CaddyTarget> = {
  name: 'caddy',
  aliases: ['Caddy'],
  description:
    'Writes the pair that Caddy reads, has it loaded by the admin API or by a reload, and looks at its ports.',
  schema: targetSchema({
    mode: {
      enum: ['api', 'file'],
      description: 'Default `file`: a reload. `api`: the admin API loads the running configuration anew.',
    },
    admin_api: {
      type: 'string',
      pattern: '^http://[^/\\s]+/?$',
      maxLength: 300,
      description: 'With `mode: "api"`. Default `http://localhost:2019`.',
    },
    ...folderFields,
    ...serviceFields,
  }),
  example: { mode: 'api', cert_dir: '/etc/caddy/certs', endpoints: ['www.example.net:443'] },
  standardCommands: [
    ['systemctl', 'reload', 'caddy'],
    ['waxseal:caddy-reload', '<url>'],
  ],
  plan: async (target, material) =>
    planService(target, material, {
      connector: 'caddy',
      service: 'caddy',
      files: planFolder(target, material, '/etc/caddy/certs'),
      check: null,
      reload:
        target.mode === 'api'
          ? ['waxseal:caddy-reload', (target.admin_api ?? 'http://localhost:2019').replace(/\/$/, '')]
          : ['systemctl', 'reload', 'caddy'],
    }),
}

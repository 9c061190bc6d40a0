import type { Material } from '../../material/material.ts'
import type { PlannedFile } from '../../plan/plan.ts'
import type { Connector } from '../connector.ts'
import { invalidField } from '../planner/field.ts'
import { type FolderTarget, folderFields, planFolder } from '../planner/plan-folder.ts'
import { plannedFile, planService } from '../planner/plan-service.ts'
import { pathValue, serviceFields, targetSchema } from '../planner/target-schema.ts'

interface TraefikTarget extends FolderTarget {
  readonly dynamic_file?: string
}

/** Traefik: its file provider watches the folder of its dynamic configuration, so nothing is run. */
export const traefik: Connector<TraefikTarget> = {
  name: 'traefik',
  aliases: ['Traefik'],
  description: 'Writes the pair into a folder that Traefik watches, and looks at its ports.',
  schema: targetSchema({
    dynamic_file: {
      ...pathValue,
      description:
        'A file of the dynamic configuration that holds nothing but this pair, written last: for a pair outside of the folder that Traefik watches. Default: none.',
    },
    ...folderFields,
    ...serviceFields,
  }),
  example: {
    cert_dir: '/etc/traefik/dynamic',
    cert_file: 'cert.pem',
    key_file: 'key.pem',
    endpoints: ['www.example.net:443'],
  },
  standardCommands: [],
  plan: async (target, material) =>
    planService(target, material, {
      connector: 'traefik',
      service: 'traefik',
      files: planFiles(target, material),
      check: null,
      reload: null,
    }),
}

/** Traefik looks at the pair when its dynamic configuration is written, which says the same each time, and so comes last. */
function planFiles(target: TraefikTarget, material: Material): readonly PlannedFile[] {
  const pair = planFolder(target, material, '/etc/traefik/certs')
  if (target.dynamic_file === undefined) return pair
  if (pair.some(({ path }) => path === target.dynamic_file))
    throw invalidField('dynamic_file', 'it is the path of another file of this target')
  const at = (role: PlannedFile['role']): string => JSON.stringify(pair.find((file) => file.role === role)?.path)
  const text = `tls:\n  certificates:\n    - certFile: ${at('certificate')}\n      keyFile: ${at('key')}\n`
  return [...pair, plannedFile(target.dynamic_file, 'other', text, { mode: 0o644, owner: 'keep', group: 'keep' })]
}

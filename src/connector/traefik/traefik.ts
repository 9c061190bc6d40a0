import type { Connector } from '../connector.ts'
import { type FolderTarget, folderFields, planFolder } from '../plan-folder.ts'
import { planService } from '../plan-service.ts'
import { serviceFields, targetSchema } from '../target-schema.ts'

/** Traefik: its file provider watches the folder of its dynamic configuration, so nothing is run. */
export const traefik: Connector<FolderTarget> = {
  name: 'traefik',
  aliases: ['Traefik'],
  description: 'Writes the pair into a folder that Traefik watches, and looks at its ports.',
  schema: targetSchema({ ...folderFields, ...serviceFields }),
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
      files: planFolder(target, material, '/etc/traefik/certs'),
      check: null,
      reload: null,
    }),
}

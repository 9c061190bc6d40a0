import type { Connector } from '../connector.ts'
import { planPair } from '../plan-pair.ts'
import type { PairTarget } from '../target.ts'
import { pairFields, targetSchema } from '../target-schema.ts'

/** nginx. A pair that does not match fails its check, and it goes on with the old one. */
export const nginx: Connector<PairTarget> = {
  name: 'nginx',
  aliases: ['NGINX'],
  description: 'Writes the pair that nginx reads, checks its configuration, reloads it and looks at its ports.',
  schema: targetSchema(pairFields),
  example: {
    cert_path: '/etc/nginx/certs/cert.pem',
    key_path: '/etc/nginx/certs/key.pem',
    endpoints: ['www.example.net:443'],
  },
  standardCommands: [
    ['nginx', '-t'],
    ['nginx', '-s', 'reload'],
    ['systemctl', 'reload', 'nginx'],
  ],
  plan: async (target, material) =>
    planPair('nginx', target, material, {
      service: 'nginx',
      certPath: '/etc/nginx/certs/cert.pem',
      keyPath: '/etc/nginx/certs/key.pem',
      check: ['nginx', '-t'],
      reload: ['nginx', '-s', 'reload'],
      freshKey: { mode: 0o640 },
    }),
}

import type { Connector } from '../connector.ts'
import { planPair } from '../planner/plan-pair.ts'
import type { PairTarget } from '../planner/target.ts'
import { pairFields, targetSchema } from '../planner/target-schema.ts'

/** imapd.conf(5) names no file by default: these are what `tls_server_cert` and `tls_server_key` can name. */
const defaults = {
  service: 'cyrus',
  certPath: '/etc/ssl/cyrus/cert.pem',
  keyPath: '/etc/ssl/cyrus/key.pem',
  check: ['/usr/lib/cyrus/bin/cyr_info', 'conf-lint'],
  // Debian's unit has no ExecReload; master(8) hands the signal on to its services, which then end and are born again.
  reload: ['systemctl', 'kill', '--kill-who=main', '--signal=HUP', 'cyrus-imapd'],
  freshKey: { mode: 0o400, owner: 'cyrus', group: 'root' },
} as const

/** Cyrus IMAP: a service that has read the pair keeps it until it ends, which SIGHUP to its master makes it do. */
export const cyrus: Connector<PairTarget> = {
  name: 'cyrus',
  aliases: ['Cyrus'],
  description:
    'Writes the pair that Cyrus IMAP reads, its key readable by cyrus, recycles its services, looks at its ports.',
  schema: targetSchema(pairFields),
  example: {
    cert_path: '/etc/ssl/cyrus/cert.pem',
    key_path: '/etc/ssl/cyrus/key.pem',
    endpoints: ['mail.example.net:993'],
  },
  standardCommands: [defaults.check, defaults.reload, ['systemctl', 'restart', 'cyrus-imapd']],
  accounts: ['cyrus'],
  plan: async (target, material) => planPair('cyrus', target, material, defaults),
}

import type { Connector } from '../connector.ts'
import type { MailTarget } from '../planner/target.ts'
import { mailFields, targetSchema } from '../planner/target-schema.ts'
import { mailDaemonCommands, ownMailDaemons, planMailDaemon, readMailWiring } from '../wiring/mail-daemons.ts'

/** Dovecot: a certificate file and a key file, or one file for both where the two paths are equal. */
export const dovecot: Connector<MailTarget> = {
  name: 'dovecot',
  aliases: ['Dovecot'],
  description: 'Writes the pair that Dovecot reads, reloads it and looks at its ports.',
  schema: targetSchema(mailFields),
  example: {
    cert_path: '/etc/dovecot/certs/cert.pem',
    key_path: '/etc/dovecot/certs/key.pem',
    endpoints: ['mail.example.net:993'],
  },
  standardCommands: mailDaemonCommands,
  readWiring: (host, target) => readMailWiring('dovecot', host, target),
  own: ownMailDaemons.dovecot,
  plan: (target, material, host) => planMailDaemon('dovecot', target, material, host),
}

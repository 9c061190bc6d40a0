import type { Connector } from '../connector.ts'
import type { MailTarget } from '../planner/target.ts'
import { mailFields, targetSchema } from '../planner/target-schema.ts'
import { mailDaemonCommands, ownMailDaemons, planMailDaemon, readMailWiring } from '../wiring/mail-daemons.ts'

/** Postfix: a certificate file and a key file, or one file for both where the two paths are equal. */
export const postfix: Connector<MailTarget> = {
  name: 'postfix',
  aliases: ['Postfix'],
  description: 'Writes the pair that Postfix reads, reloads it and looks at its ports.',
  schema: targetSchema(mailFields),
  example: {
    cert_path: '/etc/postfix/certs/cert.pem',
    key_path: '/etc/postfix/certs/key.pem',
    endpoints: ['mail.example.net:25'],
  },
  standardCommands: mailDaemonCommands,
  readWiring: (host, target) => readMailWiring('postfix', host, target),
  own: ownMailDaemons.postfix,
  plan: (target, material, host) => planMailDaemon('postfix', target, material, host),
}

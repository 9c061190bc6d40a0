import type { Connector } from '../connector.ts'
import { type FileTarget, fileTargetSchema } from '../file-target.ts'
import { mailDaemonCommands, planMailDaemon } from '../mail-daemons.ts'
import { readDovecotWiring } from './read-wiring.ts'

/** Dovecot: a certificate file and a key file, or one file for both where the two paths are equal. */
export const dovecot: Connector<FileTarget> = {
  name: 'dovecot',
  aliases: ['Dovecot'],
  description: 'Writes the pair that Dovecot reads, reloads it and looks at its ports.',
  schema: fileTargetSchema,
  standardCommands: mailDaemonCommands,
  readWiring: (host) => readDovecotWiring(host, null),
  plan: (target, material, host) => planMailDaemon('dovecot', target, material, host),
}

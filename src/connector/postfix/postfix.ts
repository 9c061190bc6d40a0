import type { Connector } from '../connector.ts'
import { type FileTarget, fileTargetSchema } from '../file-target.ts'
import { mailDaemonCommands, planMailDaemon } from '../mail-daemons.ts'
import { readPostfixWiring } from './read-wiring.ts'

/** Postfix: a certificate file and a key file, or one file for both where the two paths are equal. */
export const postfix: Connector<FileTarget> = {
  name: 'postfix',
  aliases: ['Postfix'],
  description: 'Writes the pair that Postfix reads, reloads it and looks at its ports.',
  schema: fileTargetSchema,
  standardCommands: mailDaemonCommands,
  readWiring: (host) => readPostfixWiring(host, null),
  plan: (target, material, host) => planMailDaemon('postfix', target, material, host),
}

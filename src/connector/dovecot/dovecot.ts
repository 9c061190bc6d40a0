import type { Connector } from '../connector.ts'
import { type FileTarget, fileTargetSchema } from '../file-target.ts'
import { mailDaemonCommands, mailDaemons } from '../mail-daemons.ts'
import { planPair } from '../plan-pair.ts'

/** Dovecot: a certificate file and a key file, or one file for both where the two paths are equal. */
export const dovecot: Connector<FileTarget> = {
  name: 'dovecot',
  aliases: ['Dovecot'],
  description: 'Writes the pair that Dovecot reads, reloads it and looks at its ports.',
  schema: fileTargetSchema,
  standardCommands: mailDaemonCommands,
  plan: async (target, material) => planPair('dovecot', target, material, mailDaemons[target.mode ?? 'dovecot']),
}

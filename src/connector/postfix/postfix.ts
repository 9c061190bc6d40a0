import type { Connector } from '../connector.ts'
import { type FileTarget, fileTargetSchema } from '../file-target.ts'
import { mailDaemonCommands, mailDaemons } from '../mail-daemons.ts'
import { planPair } from '../plan-pair.ts'

/** Postfix: a certificate file and a key file, or one file for both where the two paths are equal. */
export const postfix: Connector<FileTarget> = {
  name: 'postfix',
  aliases: ['Postfix'],
  description: 'Writes the pair that Postfix reads, reloads it and looks at its ports.',
  schema: fileTargetSchema,
  standardCommands: mailDaemonCommands,
  plan: async (target, material) => planPair('postfix', target, material, mailDaemons[target.mode ?? 'postfix']),
}

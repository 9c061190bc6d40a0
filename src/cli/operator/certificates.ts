import type { Command } from 'commander'
import { commandOn } from './ask-operator.ts'
import { listCommand } from './lists.ts'
import { issuersCommand, policyCommand } from './policy.ts'
import { renewalsCommand } from './renewals.ts'

const aCertificate = ['<certificate>', 'id, or common name where only one has it'] as const

/** The commands about certificates: what is renewed when, now, or because its key is lost. */
export function certificateCommands(): readonly Command[] {
  return [
    listCommand('certificates', 'List the certificates: ends, next renewals, last errors, and where they are.', {
      isByLabel: true,
    }),
    policyCommand(),
    issuersCommand(),
    renewalsCommand(),
    commandOn('renew', 'Renew a certificate now.', aCertificate, (operator, name) => operator.renew(name)),
    commandOn('revoke', 'Revoke a certificate, and have a new key made for it.', aCertificate, (operator, name) =>
      operator.revoke(name),
    ),
  ]
}

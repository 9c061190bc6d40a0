import { Command } from 'commander'
import { answer, commandOn, type OperatorOptions, oneOf, withOperator } from './ask-operator.ts'
import { issuerCommand, issuersCommand } from './issuers.ts'
import { listCommand } from './lists.ts'
import { policyCommand } from './policy.ts'
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
    issuerCommand(),
    commandOn('renew', 'Renew a certificate now.', aCertificate, (operator, name) => operator.renew(name)),
    revokeCommand(),
  ]
}

const reasons = ['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation'] as const

function revokeCommand(): Command {
  return withOperator(new Command('revoke'))
    .description('Revoke a certificate, and have a new key made for it. Its issuers are told until they know it.')
    .argument(...aCertificate)
    .option('--reason <reason>', `what its issuer is told: ${reasons.join(', ')}`, oneOf(reasons))
    .action((name: string, options: OperatorOptions & { readonly reason?: (typeof reasons)[number] }) =>
      answer(options, (operator) => operator.revoke(name, options.reason)),
    )
}

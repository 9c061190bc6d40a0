import { Command } from 'commander'
import type { Operator } from '../../server/operator-client.ts'
import { answer, type OperatorOptions, withOperator } from './ask-operator.ts'
import { listCommand } from './lists.ts'
import { issuersCommand, policyCommand } from './policy.ts'

/** The commands about certificates: what is renewed when, now, or because its key is lost. */
export function certificateCommands(): readonly Command[] {
  return [
    listCommand('certificates', 'List the certificates: ends, next renewals, last errors, and where they are.', {}),
    policyCommand(),
    issuersCommand(),
    certificateCommand('renew', 'Renew a certificate now.', (operator, name) => operator.renew(name)),
    certificateCommand('revoke', 'Revoke a certificate, and have a new key made for it.', (operator, name) =>
      operator.revoke(name),
    ),
  ]
}

function certificateCommand(
  name: string,
  description: string,
  ask: (operator: Operator, certificate: string) => Promise<unknown>,
): Command {
  return withOperator(new Command(name))
    .description(description)
    .argument('<certificate>', 'id, or common name where only one has it')
    .action((certificate: string, options: OperatorOptions) =>
      answer(options, (operator) => ask(operator, certificate)),
    )
}

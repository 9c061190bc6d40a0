import { Command } from 'commander'
import { answer, type OperatorOptions, withOperator } from './ask-operator.ts'
import { listCommand } from './lists.ts'
import { type PolicyOptions, policyIn, withPolicy } from './policy.ts'
import { type ValidityOptions, validityIn, withValidity } from './validity.ts'

/** The commands about certificates that agents find in the folders of `discovery.folders`. */
export function discoveredCommands(): readonly Command[] {
  return [
    listCommand('discovered', 'List the certificates that agents have found on their hosts.', {
      isOfAgent: true,
      status: ['new', 'bound', 'managed', 'gone'],
      hasCas: true,
    }),
    bindCommand(),
  ]
}

function bindCommand(): Command {
  return withValidity(withPolicy(withOperator(new Command('bind'))))
    .description(
      'Have a certificate of this control plane take the place of one that was found: with its names and a new key, when that one is due.',
    )
    .argument('<fingerprint>', 'of what was found, as discovered shows it')
    .requiredOption('--target <target>', 'id or name of the target that it is deployed to, on the same host')
    .option('--now', 'at once, and not when it is due')
    .action(
      (
        fingerprint: string,
        options: OperatorOptions & PolicyOptions & ValidityOptions & { readonly target: string; readonly now?: true },
      ) =>
        answer(options, (operator) =>
          operator.bind(fingerprint, {
            target_id: options.target,
            now: options.now === true,
            validity_days: validityIn(options),
            ...policyIn(options),
          }),
        ),
    )
}

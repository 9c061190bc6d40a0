import { Command } from 'commander'
import { type Role, roles } from '../../server/operation/operators.ts'
import { table } from '../print/table.ts'
import { answer, commandOn, type OperatorOptions, oneOf, timeIn, wholeNumber, withOperator } from './ask-operator.ts'
import { listCommand } from './lists.ts'

const parseTime = timeIn('smhd', {
  leastS: 60,
  mostS: 366 * 86_400,
  what: 'a time from 60s to 366d, such as 30m, 24h or 7d',
})

/** The commands about who may come in: agents by tokens and credentials, people by names and roles. */
export function peopleCommands(): readonly Command[] {
  return [
    tokenCommand(),
    listCommand('tokens', 'List the tokens for waxseal enroll. One that is over stays listed for 30 days.', {}),
    revokeTokenCommand(),
    readmitCommand(),
    revokeCredentialsCommand(),
    operatorsCommand(),
    operatorCommand(),
  ]
}

function tokenCommand(): Command {
  return withOperator(new Command('token'))
    .description('Make a token for waxseal enroll, and print it.')
    .option('--expires <time>', 'how long it is good: 30m, 24h, 7d (default: 24h)', parseTime)
    .option('--uses <number>', 'how many agents may enrol with it (default: 1)', wholeNumber(1, 100_000))
    .option('--names <pattern>', 'only for agents of these names: mail-*; * stands for any text')
    .action(
      (options: OperatorOptions & { readonly expires?: number; readonly uses?: number; readonly names?: string }) => {
        const { expires: expiresInS, uses, names } = options
        return answer(
          options,
          async (operator) => ({ token: await operator.createToken({ expiresInS, uses, names }) }),
          aloneIn,
        )
      },
    )
}

function revokeTokenCommand(): Command {
  return commandOn(
    'revoke-token',
    'End a token for waxseal enroll. Hosts that came in with it stay.',
    ['<id>', 'as tokens shows it'],
    async (operator, id) => {
      await operator.revokeToken(id)
      return { token: id, status: 'revoked' }
    },
  )
}

function readmitCommand(): Command {
  return withOperator(new Command('readmit'))
    .description(
      'Make a token with which a host that was installed anew takes the place of its agent. From its enrolment on the old credential is refused, jobs that ran on it have failed, and its certificates are renewed.',
    )
    .argument('<agent>', 'id or name')
    .option('--expires <time>', 'how long the token is good: 30m, 24h, 7d (default: 24h)', parseTime)
    .action((agent: string, options: OperatorOptions & { readonly expires?: number }) =>
      answer(options, async (operator) => ({ token: await operator.readmit(agent, options.expires) }), aloneIn),
    )
}

function revokeCredentialsCommand(): Command {
  return commandOn(
    'revoke-credentials',
    'Shut an agent out from its next call on; readmit is its way back.',
    ['<agent>', 'id or name'],
    async (operator, agent) => ({ agent, revoked: await operator.revokeCredentials(agent) }),
  )
}

function operatorsCommand(): Command {
  return withOperator(new Command('operators'))
    .description('List the operators.')
    .action((options: OperatorOptions) =>
      answer(
        options,
        (operator) => operator.operators(),
        (rows) =>
          rows.length === 0
            ? [
                'There is only the first admin, whose token is in the data directory. To add an operator: waxseal control-plane operator add.',
              ]
            : table(
                ['OPERATOR', 'ROLE', 'SINCE (UTC)', 'REVOKED (UTC)'],
                rows.map(({ name, role, created_at, revoked_at }) => [
                  name,
                  role,
                  created_at.slice(0, 19),
                  revoked_at?.slice(0, 19) ?? '-',
                ]),
              ),
      ),
    )
}

function operatorCommand(): Command {
  const command = new Command('operator').description('Add an operator, or revoke one.')
  command.addCommand(
    withOperator(new Command('add'))
      .description('Add an operator, and print its token.')
      .argument('<name>', 'who it is, as the audit trail tells')
      .requiredOption('--role <role>', `what it may do: ${roles.join(', ')}`, oneOf(roles))
      .action((name: string, options: OperatorOptions & { readonly role: Role }) =>
        answer(options, async (operator) => ({ token: await operator.addOperator(name, options.role) }), aloneIn),
      ),
  )
  command.addCommand(
    commandOn(
      'revoke',
      'Shut an operator out from the next call on.',
      ['<name>', 'as operators shows it'],
      async (operator, name) => {
        await operator.revokeOperator(name)
        return { operator: name, status: 'revoked' }
      },
    ),
  )
  return command
}

/** Alone, so that it can be written into a file. */
function aloneIn({ token }: { readonly token: string }): readonly string[] {
  return [token]
}

import { Command } from 'commander'
import { table } from '../print/table.ts'
import { answer, commandOn, type OperatorOptions, oneOf, withOperator } from './ask-operator.ts'
import { answerPart, type PartOptions, withPart } from './part-of-list.ts'
import { rolloutLines, rolloutRow, targetLines } from './rollout-tables.ts'
import { startCommand } from './start-rollout.ts'

const aRollout = ['<name>', 'of the roll-out'] as const
const states = ['waiting', 'open', 'proven', 'failed', 'skipped'] as const
/** That failed, in what is shown of one roll-out. */
const fewest = 20

/** The commands about roll-outs: one action for many hosts, wave by wave. */
export function rolloutCommands(): readonly Command[] {
  const command = new Command('rollout').description(
    'Renew or deploy on many hosts, wave by wave. It stops itself where hosts fail their proof.',
  )
  command.addCommand(startCommand())
  command.addCommand(showCommand())
  command.addCommand(targetsCommand())
  command.addCommand(resumeCommand())
  command.addCommand(
    commandOn(
      'abandon',
      'End a roll-out where it is: what has not begun never begins, what has begun goes on.',
      aRollout,
      (operator, name) => operator.abandonRollout(name),
    ),
  )
  command.addCommand(
    commandOn(
      'take-back',
      'Have each target that a roll-out changed go back to the pair that it had before.',
      aRollout,
      (operator, name) => operator.takeBackRollout(name),
    ),
  )
  return [rolloutsCommand(), command]
}

function rolloutsCommand(): Command {
  return withPart(new Command('rollouts'))
    .description('List the roll-outs, newest first.')
    .action(({ after, limit, ...options }: PartOptions) =>
      answerPart(
        options,
        (operator) => operator.rollouts({ after, limit }),
        (rows) =>
          rows.length === 0
            ? ['There is no roll-out: waxseal control-plane rollout start.']
            : table(
                ['ROLL-OUT', 'ACTION', 'STATE', 'WAVE', 'PROVEN', 'FAILED', 'TO DO', 'STARTED (UTC)', 'BY'],
                rows.map(rolloutRow),
              ),
      ),
    )
}

function showCommand(): Command {
  return withOperator(new Command('show'))
    .description('Show where a roll-out stands, why it stopped, and what failed.')
    .argument(...aRollout)
    .action((name: string, options: OperatorOptions) =>
      answer(
        options,
        async (operator) => ({
          ...(await operator.rollout(name)),
          failed: (await operator.rolloutTargets(name, { status: 'failed', limit: fewest })).rows,
        }),
        (shown) => rolloutLines(shown, shown.failed),
      ),
    )
}

function targetsCommand(): Command {
  return withPart(new Command('targets'))
    .description('List the targets of a roll-out, with what became of each.')
    .argument(...aRollout)
    .option('--status <status>', `only those that are: ${states.join(', ')}`, oneOf(states))
    .action(
      (
        name: string,
        { after, limit, status, ...options }: PartOptions & { readonly status?: (typeof states)[number] },
      ) =>
        answerPart(
          options,
          (operator) => operator.rolloutTargets(name, { after, limit, status }),
          (rows) => (rows.length === 0 ? ['There is none of these.'] : targetLines(rows)),
        ),
    )
}

function resumeCommand(): Command {
  return withOperator(new Command('resume'))
    .description('Have a roll-out go on that stopped. What failed so far stops it no more.')
    .argument(...aRollout)
    .option('--retry', 'try the targets that failed once more, first of all')
    .action((name: string, options: OperatorOptions & { readonly retry?: true }) =>
      answer(options, (operator) => operator.resumeRollout(name, options.retry === true)),
    )
}

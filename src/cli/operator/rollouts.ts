import { Command } from 'commander'
import { table } from '../print/table.ts'
import { answer, commandOn, type OperatorOptions, oneOf, wholeNumber, withOperator } from './ask-operator.ts'
import { rolloutLines, rolloutRow, targetLines } from './rollout-tables.ts'
import { startCommand } from './start-rollout.ts'

const aRollout = ['<name>', 'of the roll-out'] as const
const most = 1000
const states = ['waiting', 'open', 'proven', 'failed', 'skipped'] as const
/** That failed, in what is shown of one roll-out. */
const fewest = 20

interface PartOptions extends OperatorOptions {
  readonly after?: string
  readonly limit?: number
  readonly status?: (typeof states)[number]
}

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
    .action(async ({ after, limit, ...options }: PartOptions) => {
      let next: string | null = null
      await answer(
        options,
        async (operator) => {
          const part = await operator.rollouts({ after, limit })
          next = part.next
          return part.rows
        },
        (rows) =>
          rows.length === 0
            ? ['There is no roll-out: waxseal control-plane rollout start.']
            : [
                ...table(
                  ['ROLL-OUT', 'ACTION', 'STATE', 'WAVE', 'PROVEN', 'FAILED', 'TO DO', 'STARTED (UTC)', 'BY'],
                  rows.map(rolloutRow),
                ),
                ...more(next),
              ],
      )
    })
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
    .action(async (name: string, { after, limit, status, ...options }: PartOptions) => {
      let next: string | null = null
      await answer(
        options,
        async (operator) => {
          const part = await operator.rolloutTargets(name, { after, limit, status })
          next = part.next
          return part.rows
        },
        (rows) => [...(rows.length === 0 ? ['There is none of these.'] : targetLines(rows)), ...more(next)],
      )
    })
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

function withPart(command: Command): Command {
  return withOperator(command)
    .option('--after <key>', 'the rows after this one, as the last line of a list that goes on names it')
    .option('--limit <number>', `how many rows at most (default: ${most})`, wholeNumber(1, most))
}

function more(next: string | null): readonly string[] {
  return next === null ? [] : ['', `There may be more: --after ${next}`]
}

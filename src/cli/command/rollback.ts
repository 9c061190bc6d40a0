import { Command, InvalidArgumentError } from 'commander'
import { findTarget, readTargetNames } from '../../deployer/find-target.ts'
import { openEngine } from '../../deployer/open-engine.ts'
import { systemClock } from '../../host/clock.ts'
import { configOf, withConfig } from '../context.ts'
import { exitStatusOf } from '../exit-status.ts'
import { showChanged } from '../half/show-changed.ts'
import { timeIn } from '../operator/ask-operator.ts'
import { outcomeLines, stepLine } from '../print/outcome-lines.ts'
import { print, printJson } from '../print/print.ts'
import { printable } from '../print/terminal.ts'
import { goBack } from '../rollback/go-back.ts'

interface RollbackOptions {
  readonly config?: string
  readonly to?: number
  readonly force?: true
  readonly wait?: number
  readonly json?: true
}

const help = `
Where the DNS has TLSA records for the target, the control plane is asked to publish that of the older key first (docs/dane.md), and it
is waited for; Ctrl-C leaves all as it is. What cannot be waited for is refused, with the record to publish.
waxseal history TARGET lists the pairs that are kept. Exit status: as waxseal deploy; 3 also where the wait was in vain.`

/** The records that a control plane publishes have an hour at most, and its looks take some minutes. */
const usualWaitS = 5400
const waitTime = timeIn('smhd', { leastS: 60, mostS: 86_400, what: 'a time from 60s to 1d, such as 10m or 2h' })

/** `waxseal rollback`: an older pair of a target, deployed once more. */
export function rollbackCommand(): Command {
  return withConfig(new Command('rollback'))
    .description('Deploy an older pair of a target again, with all the steps of a deployment.')
    .argument('<target>', 'name or id, as waxseal history shows it')
    .option('--to <generation>', 'which pair; default: the one before the live one', parseGeneration)
    .option(
      '--wait <time>',
      'how long the TLSA record of the older key is waited for, where the control plane publishes it: 10m, 2h; from 1m to 1d (default: 90m)',
      waitTime,
    )
    .option(
      '--force',
      'at once, also where the DNS has TLSA records and none matches: senders that check DANE refuse it then',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action(async (target: string, options: RollbackOptions) => {
      const config = await configOf(options)
      const engine = await openEngine(config, systemClock)
      const id = findTarget(target, await readTargetNames(engine))
      const wanted = {
        ...(options.to === undefined ? {} : { generation: options.to }),
        ...(options.force === true ? { force: true as const } : {}),
      }
      const { wait: waitS = usualWaitS, json } = options
      const tell = (line: string): void =>
        json === true ? void process.stderr.write(`${printable(line)}\n`) : print(line)
      const outcome = await goBack(config, engine, {
        target: id,
        wanted,
        waitS,
        tell,
        onStep: (step) => {
          if (json !== true) print(stepLine(step))
        },
      })
      await showChanged(config, engine, true)
      if (options.json === true) printJson(outcome)
      else print(...outcomeLines(outcome))
      process.exitCode = exitStatusOf(outcome)
    })
}

function parseGeneration(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is not the number of a generation.')
}

import { Command, InvalidArgumentError } from 'commander'
import { deployAgain } from '../../deployer/deploy-again.ts'
import { findTarget, readTargetNames } from '../../deployer/find-target.ts'
import { openEngine } from '../../deployer/open-engine.ts'
import { systemClock } from '../../host/clock.ts'
import { configOf, finishFirst, withConfig } from '../context.ts'
import { exitStatusOf } from '../exit-status.ts'
import { showChanged } from '../half/show-changed.ts'
import { outcomeLines, stepLine } from '../print/outcome-lines.ts'
import { print, printJson } from '../print/print.ts'

interface RollbackOptions {
  readonly config?: string
  readonly to?: number
  readonly force?: true
  readonly json?: true
}

/** `waxseal rollback`: an older pair of a target, deployed once more. */
export function rollbackCommand(): Command {
  return withConfig(new Command('rollback'))
    .description('Deploy an older pair of a target again, with all the steps of a deployment.')
    .argument('<target>', 'name or id, as waxseal history shows it')
    .option('--to <generation>', 'which pair; default: the one before the live one', parseGeneration)
    .option('--force', 'also where the DNS has TLSA records and none matches: senders that check DANE refuse it then')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nwaxseal history TARGET lists the pairs that are kept. Exit status: as waxseal deploy.')
    .action(async (target: string, options: RollbackOptions) => {
      const config = await configOf(options)
      const engine = await openEngine(config, systemClock)
      const id = findTarget(target, await readTargetNames(engine))
      const wanted = {
        ...(options.to === undefined ? {} : { generation: options.to }),
        ...(options.force === true ? { force: true as const } : {}),
      }
      finishFirst()
      const outcome = await deployAgain(id, wanted, engine, (step) => {
        if (options.json !== true) print(stepLine(step))
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

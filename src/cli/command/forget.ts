import { Command } from 'commander'
import { type Forgotten, forget } from '../../deployer/forget.ts'
import { openForRecovery } from '../../deployer/open-engine.ts'
import { describeError } from '../../error/waxseal-error.ts'
import { systemClock } from '../../host/clock.ts'
import { configOf, finishFirst, withConfig } from '../context.ts'
import { showChanged } from '../half/show-changed.ts'
import { print, printJson } from '../print/print.ts'

interface ForgetOptions {
  readonly config?: string
  readonly force?: true
  readonly json?: true
}

/** `waxseal forget`: a target that is deployed to no more. */
export function forgetCommand(): Command {
  return withConfig(new Command('forget'))
    .description('Forget a target that is deployed to no more: it is watched no more, and its kept pairs are removed.')
    .argument('<target>', 'name or id, as waxseal status shows it')
    .option('--force', 'also where a deployment to it was cut off and can neither be finished nor undone')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nIts files and its daemon stay as they are; a deployment to it that a crash cut off is recovered first. The next\ndeployment to it begins anew.\nExit status: 0 it is forgotten, 2 usage, configuration or no such target, 1 anything else.',
    )
    .action(async (target: string, options: ForgetOptions) => {
      const config = await configOf(options)
      const engine = await openForRecovery(config, systemClock)
      finishFirst()
      const forgotten = await forget(target, options.force === true, engine)
      await showChanged(config, engine, false)
      if (options.json === true) printJson(asDocument(forgotten))
      else print(...linesOf(forgotten))
    })
}

function asDocument({ target, label, pairs, givenUp }: Forgotten): object {
  return { target, name: label, pairs, givenUp: givenUp === null ? null : describeError(givenUp) }
}

function linesOf({ label, pairs, givenUp }: Forgotten): readonly string[] {
  const removed = pairs === 1 ? '1 kept pair is' : `${pairs} kept pairs are`
  return [
    `${label} is forgotten: ${removed} removed. Its files stay as they are, and are watched no more.`,
    ...(givenUp === null ? [] : [`Given up: its last deployment. ${givenUp.code}: ${describeError(givenUp)}`]),
  ]
}

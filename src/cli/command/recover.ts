import { Command } from 'commander'
import { readTargetNames } from '../../deployer/find-target.ts'
import { openForRecovery } from '../../deployer/open-engine.ts'
import { type Recovered, recover } from '../../deployer/recover.ts'
import { describeError, printedBy } from '../../error/waxseal-error.ts'
import { systemClock } from '../../host/clock.ts'
import { configOf, finishFirst, withConfig } from '../context.ts'
import { showChanged } from '../half/show-changed.ts'
import { print, printJson, whatToDo } from '../print/print.ts'

/** `waxseal recover`: start-up recovery, by hand. */
export function recoverCommand(): Command {
  return withConfig(new Command('recover'))
    .description('Clean up, finish or undo what a crash left; the agent does the same at each start.')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExit status: 0 nothing is left, 5 something could not be put back (host unknown) or was set aside, 2 usage or\nconfiguration, 1 anything else.',
    )
    .action(async (options: { readonly config?: string; readonly json?: true }) => {
      const config = await configOf(options)
      const engine = await openForRecovery(config, systemClock)
      finishFirst()
      const { labelOf } = await readTargetNames(engine)
      const recovered = await recover(engine)
      await showChanged(config, engine, false)
      const setAside = engine.journal.setAside
      if (options.json === true)
        printJson({ recovered: recovered.map((one) => asDocument(one, labelOf(one.target))), setAside })
      else print(...linesOf(recovered, labelOf, setAside))
      process.exitCode = recovered.some(({ error }) => error !== null) || setAside.length > 0 ? 5 : 0
    })
}

function asDocument({ target, did, error, notAllowed = [] }: Recovered, name: string): object {
  const message = error === null ? null : describeError(error)
  return { target, name, did, code: error?.code ?? null, message, ...(notAllowed.length === 0 ? {} : { notAllowed }) }
}

function linesOf(
  recovered: readonly Recovered[],
  labelOf: (target: string) => string,
  setAside: readonly string[],
): readonly string[] {
  if (recovered.length === 0 && setAside.length === 0) return ['Nothing was left by a crash.']
  return [
    ...recovered.flatMap(({ target, did, error, notAllowed = [] }) => [
      `${labelOf(target)}: ${did}${error === null ? '' : `. ${error.code}: ${describeError(error)} ${whatToDo(error.code)}`}`,
      ...notAllowed.map((what) => `  not used, for the policy allows it no more: ${what}`),
      ...(error === null ? [] : printedBy(error).map((line) => `  it printed: ${line}`)),
    ]),
    ...setAside.map((name) => `journal/${name} is not to be trusted: it is set aside as ${name}.aside.`),
  ]
}

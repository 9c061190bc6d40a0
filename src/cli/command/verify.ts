import { Command } from 'commander'
import { findTarget, readTargetNames } from '../../deployer/find-target.ts'
import { type Inspection, inspect } from '../../deployer/inspect.ts'
import { openEngine } from '../../deployer/open-engine.ts'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { systemClock } from '../../host/clock.ts'
import { configOf, withConfig } from '../context.ts'
import { print, printJson } from '../print/print.ts'

/** `waxseal verify`: a target as it is now, against what was deployed. */
export function verifyCommand(): Command {
  return withConfig(new Command('verify'))
    .description(
      "Compare a target with what was deployed: the daemon's own check, the files, every port. Changes nothing.",
    )
    .argument('<target>', 'name or id, as waxseal history shows it')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExit status: 0 as it was deployed, 3 not, 2 usage or configuration, 1 anything else.')
    .action(async (target: string, options: { readonly config?: string; readonly json?: true }) => {
      const engine = await openEngine(await configOf(options), systemClock)
      const names = await readTargetNames(engine)
      const id = findTarget(target, names)
      const record = await engine.records.get(id)
      if (record === null)
        throw new WaxsealError('TARGET_UNKNOWN', {
          target: names.labelOf(id),
          reason: 'no deployment to it has succeeded yet',
          hint: `waxseal history ${names.argumentOf(id)} says what happened.`,
        })
      const inspection = await inspect(record, engine, { withCheck: true })
      if (options.json === true) printJson({ ...inspection, name: names.labelOf(id) })
      else print(...linesOf(names.labelOf(id), inspection))
      process.exitCode = inspection.valid ? 0 : 3
    })
}

function linesOf(label: string, { valid, reasons, probes, commands, daysLeft }: Inspection): readonly string[] {
  return [
    `${label}: ${valid ? 'as it was deployed' : 'NOT as it was deployed'}, ${daysLeft} days left`,
    ...probes.map(({ ok, protocol, address, seen, error }) =>
      ok
        ? `  ok     ${protocol} ${address} serves ${seen?.slice(0, 16)}…`
        : `  FAILED ${protocol} ${address} ${error ?? `serves ${seen}`}`,
    ),
    ...reasons.map((reason) => `  ${reason}`),
    ...commands
      .filter(({ exitCode }) => exitCode !== 0)
      .flatMap(({ output }) => output.split('\n').map((line) => `  printed: ${line}`)),
  ]
}

import { Command } from 'commander'
import type { ToldWindow } from '../../server/client/window-client.ts'
import { table } from '../print/table.ts'
import { answer, type OperatorOptions, timeIn, withOperator } from './ask-operator.ts'
import { parseLabel } from './labels.ts'

interface SetOptions extends OperatorOptions {
  readonly start: string
  readonly for: number
  readonly timeZone?: string
}

const forTime = timeIn('mhd', { leastS: 60, mostS: 7 * 86_400, what: 'a time from 1m to 7d, such as 3h' })

/** The commands about windows: when renewals of hosts with a label are handed out. */
export function windowCommands(): readonly Command[] {
  const command = new Command('window').description(
    'Hold the renewals of hosts with a label to a window. One whose end is near waits for none.',
  )
  command.addCommand(setCommand())
  command.addCommand(removeCommand())
  return [listWindowsCommand(), command]
}

function listWindowsCommand(): Command {
  return withOperator(new Command('windows'))
    .description('List the windows of renewals.')
    .action((options: OperatorOptions) => answer(options, (operator) => operator.windows(), windowLines))
}

function setCommand(): Command {
  return withOperator(new Command('set'))
    .description('Set the window of a label, in place of the one that it had.')
    .argument('<label>', 'name=value, as waxseal control-plane label sets it', parseLabel)
    .requiredOption(
      '--start <cron>',
      'when it opens: minute, hour, day, month, weekday; "0 2 * * *" is each night at 2',
    )
    .requiredOption('--for <time>', 'how long it is open, such as 3h', forTime)
    .option('--time-zone <zone>', 'of its start, such as Europe/Berlin (default: UTC)')
    .addHelpText(
      'after',
      '\nExample: waxseal control-plane window set role=mx --start "0 2 * * *" --for 3h --time-zone Europe/Berlin',
    )
    .action((of: string, { start, for: forS, timeZone, ...options }: SetOptions) => {
      const zone = timeZone === undefined ? {} : { time_zone: timeZone }
      return answer(
        options,
        (operator) => operator.setWindow({ label: of, start, for_s: forS, ...zone }),
        (window) => [
          ...windowLines([window]),
          ...(window.agents > 0 ? [] : ['', `No agent has this label: waxseal control-plane label AGENT ${of}`]),
        ],
      )
    })
}

function removeCommand(): Command {
  return withOperator(new Command('remove'))
    .description('Remove the window of a label: what it holds is handed out.')
    .argument('<label>', 'name=value', parseLabel)
    .action((of: string, options: OperatorOptions) => answer(options, (operator) => operator.removeWindow(of)))
}

function windowLines(windows: readonly ToldWindow[]): readonly string[] {
  if (windows.length === 0) return ['Renewals are held to no window: waxseal control-plane window set --help']
  return table(
    ['LABEL', 'START', 'FOR', 'TIME ZONE', 'AGENTS', 'SET (UTC)', 'BY'],
    windows.map(({ label: of, start, for_s: forS, time_zone: zone, agents, set_at: setAt, set_by: by }) => [
      of,
      start,
      timeText(forS),
      zone,
      String(agents),
      setAt.slice(0, 19),
      by,
    ]),
  )
}

/** As `--for` takes it. */
function timeText(seconds: number): string {
  const [unitS, unit] = seconds % 86_400 === 0 ? [86_400, 'd'] : seconds % 3600 === 0 ? [3600, 'h'] : [60, 'm']
  return `${Math.round(seconds / unitS)}${unit}`
}

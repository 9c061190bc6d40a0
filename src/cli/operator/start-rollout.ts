import { Command, InvalidArgumentError } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { ToldStart } from '../../server/client/rollout-client.ts'
import { areShares } from '../../server/rollout/waves.ts'
import type { RolloutBody } from '../../server/route/rollout-body.ts'
import { answer, type OperatorOptions, oneOf, timeIn, wholeNumber, withOperator } from './ask-operator.ts'
import { collectLabels } from './labels.ts'

interface StartOptions extends OperatorOptions {
  readonly action: 'deploy' | 'renew'
  readonly label?: readonly string[]
  readonly agent?: readonly string[]
  readonly target?: readonly string[]
  readonly all?: true
  readonly first?: readonly string[]
  readonly waves?: readonly number[]
  readonly stopAfter?: number
  readonly stopShare?: number
  readonly window?: string
  readonly windowFor?: number
  readonly timeZone?: string
  readonly deadline?: number
}

const dayS = 86_400
const windowFor = timeIn('mhd', { leastS: 60, mostS: 7 * dayS, what: 'a time from 1m to 7d, such as 3h' })
const deadline = timeIn('mhd', { leastS: 60, mostS: 30 * dayS, what: 'a time from 1m to 30d, such as 1h' })

/** `waxseal control-plane rollout start`. */
export function startCommand(): Command {
  return withRules(withChoice(withOperator(new Command('start'))))
    .description('Start a roll-out. The next wave begins when each host of the one before has its proof.')
    .argument('<name>', 'what you call it')
    .requiredOption(
      '--action <action>',
      'renew: a new certificate each; deploy: the newest one again',
      oneOf(['renew', 'deploy'] as const),
    )
    .action((name: string, options: StartOptions) =>
      answer(options, (operator) => operator.startRollout(bodyOf(name, options)), startLines),
    )
}

function withChoice(command: Command): Command {
  return command
    .option('--label <name=value>', 'targets of agents with this label; given again: with all of them', collectLabels)
    .option('--agent <agents>', 'targets of these agents, by ids or names with commas', collectNames)
    .option('--target <targets>', 'these targets, by ids or names with commas', collectNames)
    .option('--all', 'all targets that there are')
    .option('--first <agents>', 'the hosts of the first wave, by ids or names with commas', collectNames)
    .option('--waves <shares>', 'per cent of all hosts at the end of each wave (default: 5%,25%,100%)', parseWaves)
}

function withRules(command: Command): Command {
  return command
    .option(
      '--stop-after <hosts>',
      'stop when so many hosts failed, in all waves (default, without --stop-share: 1)',
      wholeNumber(1, 100_000),
    )
    .option('--stop-share <share>', 'stop when so many per cent of the hosts of a wave failed: 10%', parseShare)
    .option('--window <cron>', 'hand out jobs in a window alone, which starts then: "0 2 * * *"')
    .option('--window-for <time>', 'with --window: how long it is open, such as 3h', windowFor)
    .option('--time-zone <zone>', 'with --window: of its start, such as Europe/Berlin (default: UTC)')
    .option(
      '--deadline <time>',
      'a host without a word so long after its job could be taken failed (default: 1h)',
      deadline,
    )
}

function bodyOf(name: string, options: StartOptions): RolloutBody {
  const { action, label: labels, agent: agents, target: targets, first, waves, all } = options
  const { stopAfter, stopShare, deadline: deadlineS } = options
  const window = windowOf(options)
  return {
    name,
    action,
    ...given({ labels, agents, targets, first, waves, all, window }),
    ...given({ stop_after: stopAfter, stop_share: stopShare, deadline_s: deadlineS }),
  }
}

function windowOf({ window: start, windowFor: forS, timeZone }: StartOptions): RolloutBody['window'] | undefined {
  const zone = timeZone === undefined ? {} : { time_zone: timeZone }
  if (start !== undefined && forS !== undefined) return { start, for_s: forS, ...zone }
  if (start === undefined && forS === undefined && timeZone === undefined) return undefined
  const hint = 'give --window "0 2 * * *" and --window-for 3h'
  throw new WaxsealError('CONFIG_INVALID', { option: '--window', reason: 'a window has a start and a duration', hint })
}

type Given<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> }

/** Without what was left out. */
function given<Fields extends object>(fields: Fields): Given<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<Fields>
}

function startLines({ name, waves, targets, left_out: leftOut }: ToldStart): readonly string[] {
  const sizes = waves.map((hosts, at) => `wave ${at + 1}: ${hosts}`).join(', ')
  return [
    `${name} has begun with ${targets} targets; hosts of ${sizes}.`,
    ...(leftOut.length === 0 ? [] : [`Left out, for nothing was ever deployed there: ${leftOut.join(', ')}`]),
    `Next: waxseal control-plane rollout show ${name}`,
  ]
}

/** May be given several times, too. */
function collectNames(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.includes('')) throw new InvalidArgumentError('It is names with commas between them.')
  return [...new Set([...before, ...names])]
}

function parseShare(text: string): number {
  const share = /^\d{1,3}(\.\d{1,3})?%?$/.test(text) ? Number(text.replace('%', '')) : Number.NaN
  if (share > 0 && share <= 100) return share
  throw new InvalidArgumentError('It is a share such as 10%.')
}

function parseWaves(text: string): readonly number[] {
  const shares = text.split(',').map((share) => parseShare(share.trim()))
  if (areShares(shares)) return shares
  throw new InvalidArgumentError('It is shares of all hosts that grow to 100%, such as 5%,25%,100%.')
}

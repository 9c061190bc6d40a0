import { Command } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { type MatterKind, matterKinds } from '../../notice/matter.ts'
import type { ListedMatter, ListedMute } from '../../server/client/matter-client.ts'
import { table } from '../print/table.ts'
import { answer, commandOn, type OperatorOptions, oneOf, withOperator } from './ask-operator.ts'
import { muteTime } from './mute-time.ts'

/** The commands about what is the matter, and who is told. */
export function matterCommands(): readonly Command[] {
  return [mattersCommand(), muteCommand(), mutesCommand(), unmuteCommand(), notifyCommand()]
}

function mattersCommand(): Command {
  return withOperator(new Command('matters'))
    .description('List what is the matter, and when somebody was told.')
    .option('--over', 'also what is over, for seven days')
    .action((options: OperatorOptions & { readonly over?: true }) =>
      answer(
        options,
        (operator) => operator.matters(options.over === true),
        ({ matters, channels }) => [
          ...(channels.length === 0
            ? [
                'Nothing is looked for, and nobody is told: notify is not set. Set it in the configuration of the control plane, and start it again.',
              ]
            : []),
          ...(matters.length === 0
            ? channels.length === 0
              ? []
              : ['Nothing is the matter.']
            : table(
                ['MATTER', 'KIND', 'CODE', 'AGENT', 'TARGET', 'SINCE (UTC)', 'TOLD (UTC)', 'WHAT'],
                matters.map(row),
              )),
        ],
      ),
    )
}

const longestCell = 100

function row(matter: ListedMatter): readonly string[] {
  const { id, kind, code, agent, target, since, told_at: toldAt, over_at: overAt, is_muted: isMuted, text } = matter
  const told = isMuted ? 'muted' : time(toldAt)
  const what = `${overAt === null ? '' : 'over: '}${text}`
  return [id, kind, code, agent ?? '-', target ?? '-', time(since), told, what.slice(0, longestCell)]
}

function time(text: string | null): string {
  return text?.slice(0, 19) ?? '-'
}

const muteExamples = `
Examples:
  waxseal control-plane mute 4f0c2a77b1d09e35 --for 3d                 this matter alone
  waxseal control-plane mute --agent mail-7 --for 12h                  all of a host that is worked on
  waxseal control-plane mute --kind drift --agent mail-7 --for 1d      its drift alone`

interface MuteOptions extends OperatorOptions {
  readonly for: number
  readonly kind?: MatterKind
  readonly agent?: string
  readonly target?: string
}

function muteCommand(): Command {
  return withOperator(new Command('mute'))
    .description(
      'Have nothing told of a matter, or of all that fit each of these options, for a while. It stays in the list of matters.',
    )
    .argument('[matter]', 'its id, as matters and each message show it')
    .requiredOption('--for <time>', 'how long: 12h, 3d; 90d at most', muteTime)
    .option('--kind <kind>', `all of this kind: ${matterKinds.join(', ')}`, oneOf(matterKinds))
    .option('--agent <agent>', 'all of this agent, by id or name')
    .option('--target <target>', 'all of this target, by id or name')
    .addHelpText('after', muteExamples)
    .action((matter: string | undefined, options: MuteOptions) => {
      const { for: forS, kind, agent, target } = options
      if ([matter, kind, agent, target].every((one) => one === undefined))
        throw new WaxsealError('USAGE_INVALID', { reason: 'name a matter, --kind, --agent or --target' })
      return answer(
        options,
        (operator) => operator.mute({ matter, kind, agent, target, for_s: forS }),
        (mute) => [`Muted until ${mute.until}. To end it: waxseal control-plane unmute ${mute.id}`],
      )
    })
}

function mutesCommand(): Command {
  return withOperator(new Command('mutes'))
    .description('List the mutes: of what nothing is told, and until when.')
    .action((options: OperatorOptions) =>
      answer(
        options,
        (operator) => operator.mutes(),
        (mutes) =>
          mutes.length === 0
            ? ['Nothing is muted.']
            : table(['MUTE', 'MATTER', 'KIND', 'AGENT', 'TARGET', 'UNTIL (UTC)', 'BY'], mutes.map(muteRow)),
      ),
    )
}

function muteRow({ id, matter, kind, agent, target, until, by }: ListedMute): readonly string[] {
  return [id, matter ?? '-', kind ?? '-', agent ?? '-', target ?? '-', time(until), by]
}

function unmuteCommand(): Command {
  return commandOn(
    'unmute',
    'End a mute: what it muted is told again.',
    ['<mute>', 'as mutes shows it'],
    async (operator, mute) => {
      await operator.unmute(mute)
      return { mute, status: 'ended' }
    },
  )
}

function notifyCommand(): Command {
  return withOperator(new Command('notify'))
    .description('Send a test through each way by which people are told.')
    .requiredOption('--test', 'a test: nothing is wrong')
    .action((options: OperatorOptions) =>
      answer(
        options,
        async (operator) => {
          const channels = await operator.testNotices()
          if (channels.length === 0)
            throw new WaxsealError('NOTICE_FAILED', {
              reason: 'no way to tell anybody is set',
              hint: 'set notify in the configuration of the control plane, and start it again',
            })
          const failed = channels.filter(({ error }) => error !== null)
          if (failed.length > 0)
            throw new WaxsealError('NOTICE_FAILED', {
              reason: failed.map(({ channel, error }) => `${channel}: ${error}`),
              taken: channels.filter(({ error }) => error === null).map(({ channel }) => channel),
            })
          return channels
        },
        (channels) => channels.map(({ channel }) => `${channel}: the test was taken`),
      ),
    )
}

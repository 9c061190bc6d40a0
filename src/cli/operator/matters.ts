import { Command } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import { type MatterKind, matterKinds } from '../../notice/matter.ts'
import { longestMuteS } from '../../notice/mute.ts'
import type { ListedMatter, ListedMute } from '../../server/client/matter-client.ts'
import { table } from '../print/table.ts'
import { answer, commandOn, type OperatorOptions, oneOf, timeIn, withOperator } from './ask-operator.ts'

const parseTime = timeIn('smhd', {
  leastS: 60,
  mostS: longestMuteS,
  what: 'a time from 60s to 90d, such as 12h or 3d',
})

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
                'Nobody is told: set notify in the configuration of the control plane, and nothing is looked for without it.',
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

interface MuteOptions extends OperatorOptions {
  readonly for: number
  readonly kind?: MatterKind
  readonly agent?: string
  readonly target?: string
}

function muteCommand(): Command {
  return withOperator(new Command('mute'))
    .description('Have nothing told of a matter, or of all that fit, for a while.')
    .argument('[matter]', 'as matters shows it')
    .requiredOption('--for <time>', 'how long: 12h, 3d; 90d at most', parseTime)
    .option('--kind <kind>', `all of this kind: ${matterKinds.join(', ')}`, oneOf(matterKinds))
    .option('--agent <agent>', 'all of this agent, by id or name')
    .option('--target <target>', 'all of this target, by id or name')
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
    .description('List of what nothing is told.')
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

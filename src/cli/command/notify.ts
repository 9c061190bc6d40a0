import { Command } from 'commander'
import { asWaxsealError, describeError, WaxsealError } from '../../error/waxseal-error.ts'
import { localHostname } from '../../host/host-facts.ts'
import { becomeUser } from '../../host/process/become-user.ts'
import { testNotice } from '../../notice/notice.ts'
import { openChannels } from '../../notice/open-channels.ts'
import { configOf, withConfig } from '../context.ts'
import { courierUser } from '../half/sockets.ts'
import { print, printJson } from '../print/print.ts'

interface NotifyOptions {
  readonly config?: string
  readonly test?: true
  readonly json?: true
}

/** `waxseal notify`: whether people can be told. */
export function notifyCommand(): Command {
  return withConfig(new Command('notify'))
    .description('Send a test through each way by which people are told of what is the matter on this host.')
    .requiredOption('--test', 'a test: nothing is wrong')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nIt is sent as the user that the agent runs as.\nExit status: 0 each way has taken it, 1 anything else.',
    )
    .action(async (options: NotifyOptions) => {
      const { notify } = await configOf(options)
      const channels = notify === null ? [] : openChannels(notify)
      if (channels.length === 0)
        throw new WaxsealError('NOTICE_FAILED', {
          reason: 'no way to tell anybody is set',
          hint: 'set notify in the configuration of this host',
        })
      await becomeUser(courierUser)
      const notice = testNotice(`notice-test-${Date.now()}`, localHostname(), Date.now())
      const sent = await Promise.all(
        channels.map(async (channel) => ({
          channel: channel.name,
          error: await channel.send(notice).then(
            () => null,
            (error: unknown) => describeError(asWaxsealError(error)),
          ),
        })),
      )
      if (options.json === true) printJson(sent)
      else print(...sent.map(({ channel, error }) => `${channel}: ${error ?? 'the test was taken'}`))
      if (sent.some(({ error }) => error !== null)) process.exitCode = 1
    })
}

import type { Channel } from '../notice/channel.ts'
import { type Background, every } from './background.ts'
import type { ControlPlaneLog } from './http/log-requests.ts'
import { lookForMatters, type Telling } from './operation/matter/look-for-matters.ts'
import { sendNotices } from './operation/matter/send-notices.ts'
import type { Parts } from './operation/parts.ts'

const lookEveryMs = 30_000
const sendEveryMs = 5000

/** Looks for what is the matter and tells people, until `stop` resolves. Several servers of one database tell it once. */
export function startTelling(
  parts: Pick<Parts, 'store' | 'presence'>,
  {
    settings,
    channels,
    from,
    log,
  }: Pick<Telling, 'settings' | 'from'> & { readonly channels: readonly Channel[]; readonly log: ControlPlaneLog },
): Background {
  const telling = { settings, channels: channels.map(({ name }) => name), from }
  const loops = [
    every(lookEveryMs, log, () => lookForMatters(parts, telling)),
    // Apart: a channel that takes its time keeps nobody from looking.
    every(sendEveryMs, log, async () => {
      for (const { channel, error } of await sendNotices(parts.store, channels))
        log.error({ channel, reason: error }, 'people were not told, and it is tried again')
    }),
  ]
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()))
    },
  }
}

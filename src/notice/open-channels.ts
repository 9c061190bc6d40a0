import type { Channel } from './channel.ts'
import { commandChannel } from './command-channel.ts'
import { mailChannel } from './mail-channel.ts'
import type { NotifySettings } from './notify-settings.ts'
import { webhookChannel } from './webhook-channel.ts'

/** All ways to tell people that are set. */
export function openChannels({ webhooks, mail, command }: NotifySettings): readonly Channel[] {
  return [
    ...webhooks.map(webhookChannel),
    ...(mail === null ? [] : [mailChannel(mail)]),
    ...(command === null ? [] : [commandChannel(command)]),
  ]
}

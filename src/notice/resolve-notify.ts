import type { NotifySettings, WrittenNotify } from './notify-settings.ts'

/** Postfix, and every other MTA, takes local mail there. */
const smtpPort = 25
const silentAfter = '1h'

/** What is written, with every default. `readDuration` gives milliseconds. */
export function resolveNotify(
  { webhooks = [], mail, command, leave_out: leaveOut = [], silent_after: silence = silentAfter }: WrittenNotify,
  readDuration: (value: string | number) => number,
): NotifySettings {
  return {
    webhooks: webhooks.map(({ url, secret_file: secretFile, ca_file: caFile }) => ({
      url,
      secretFile,
      caFile: caFile ?? null,
    })),
    mail: mail === undefined ? null : { to: mail.to, from: mail.from ?? null, port: mail.port ?? smtpPort },
    command: command ?? null,
    leaveOut,
    silentAfterMs: readDuration(silence),
  }
}

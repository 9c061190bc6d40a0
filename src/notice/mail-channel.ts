import { WaxsealError } from '../error/waxseal-error.ts'
import { localHostname } from '../host/host-facts.ts'
import type { Channel } from './channel.ts'
import { noticeText } from './notice-text.ts'
import type { MailSettings } from './notify-settings.ts'

const timeoutMs = 15_000

/** Hands the message to the MTA of this host, at its loopback address: no password, and no TLS that would prove nothing there. */
export function mailChannel({ to, from, port }: MailSettings): Channel {
  return {
    name: 'mail',
    send: async (notice) => {
      // Rarely needed, and not small.
      const { createTransport } = await import('nodemailer')
      const transport = createTransport({
        host: '127.0.0.1',
        port,
        name: localHostname(),
        secure: false,
        ignoreTLS: true,
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        dnsTimeout: timeoutMs,
        disableFileAccess: true,
        disableUrlAccess: true,
      })
      try {
        const { subject, text } = noticeText(notice)
        const sent = await transport.sendMail({
          from: from ?? `waxseal@${domainOfHost()}`,
          to: [...to],
          subject,
          text,
          date: new Date(notice.at),
          // A receiver that gets it twice sees that it is one.
          messageId: `<${notice.id}@${domainOfHost()}>`,
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
        // Those who have it would get it again; a test says it.
        if (notice.is_test && sent.rejected.length > 0)
          throw new Error(`${sent.rejected.length} of ${to.length} recipients were refused`)
      } catch (error) {
        throw new WaxsealError('NOTICE_FAILED', {
          channel: 'mail',
          reason: (error as Error).message.slice(0, 500),
          hint: `see that the MTA of this host takes mail at 127.0.0.1:${port}; its log says why it does not`,
        })
      } finally {
        transport.close()
      }
    },
  }
}

function domainOfHost(): string {
  const name = localHostname()
  return /^[A-Za-z0-9.-]{1,253}$/.test(name) ? name : 'localhost'
}

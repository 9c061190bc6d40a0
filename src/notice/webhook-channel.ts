import { createHash, createHmac } from 'node:crypto'
import { connectTls } from '../control-plane/connect-tls.ts'
import { whyNoAnswer } from '../control-plane/request.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { readBounded } from '../host/file/read-bounded.ts'
import { readSecret } from '../host/file/read-secret.ts'
import { httpExchange } from '../host/socket/http-exchange.ts'
import { systemRoots } from '../host/system-roots.ts'
import type { Channel } from './channel.ts'
import type { WebhookSettings } from './notify-settings.ts'

const timeoutMs = 15_000
const connectMs = 10_000
const shortestSecret = 16

/** POSTs the message as JSON, signed with the secret of the file: `waxseal-signature: t=SECONDS,v1=HEX` (HMAC-SHA-256 of `SECONDS.BODY`). */
export function webhookChannel(settings: WebhookSettings): Channel {
  const { url } = settings
  const digest = createHash('sha256').update(url).digest('hex').slice(0, 12)
  return {
    name: `webhook ${digest}`,
    send: async (notice) => {
      const body = JSON.stringify(notice)
      const seconds = Math.floor(Date.now() / 1000)
      const signature = createHmac('sha256', await secretIn(settings))
        .update(`${seconds}.${body}`)
        .digest('hex')
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'waxseal',
        'waxseal-notice': notice.id,
        'waxseal-signature': `t=${seconds},v1=${signature}`,
      }
      await post(settings, headers, body)
    },
  }
}

async function post(
  { url, caFile }: WebhookSettings,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<void> {
  const at = new URL(url)
  const { host } = at
  const ca = caFile === null ? null : await readBounded(caFile, 1024 * 1024)
  if (caFile !== null && ca === null) throw failed(host, 'the file of its CA is not there', 'see ca_file')
  const connect = connectTls({
    allowH2: false,
    timeout: connectMs,
    ca: ca === null ? [...systemRoots()] : Buffer.from(ca).toString('utf8'),
  })
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    // What it says besides the status is not read.
    const { status } = await httpExchange({ url: at, method: 'POST', headers, body, signal, maxBytes: null, connect })
    // A redirect is not followed: the body was signed for this URL.
    if (status < 200 || status > 299) throw failed(host, `it answered ${status}`, 'its own log says why')
  } catch (error) {
    if (error instanceof WaxsealError) throw error
    throw failed(host, whyNoAnswer(error).reason, 'see that the URL can be reached from this host')
  }
}

async function secretIn({ url, secretFile }: WebhookSettings): Promise<string> {
  const { host } = new URL(url)
  const bytes = await readSecret(secretFile).catch((error: Error) => {
    throw failed(host, error.message, 'see secret_file')
  })
  if (bytes === null) throw failed(host, 'the file of its secret is not there', 'see secret_file')
  const secret = Buffer.from(bytes).toString('utf8').trim()
  if (secret.length < shortestSecret)
    throw failed(
      host,
      `its secret has fewer than ${shortestSecret} characters`,
      'make another, and give it to the receiver',
    )
  return secret
}

function failed(host: string, reason: string, hint: string): WaxsealError {
  return new WaxsealError('NOTICE_FAILED', { channel: 'webhook', host, reason, hint })
}

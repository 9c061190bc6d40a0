import { Agent } from 'undici'
import { connectTls } from '../control-plane/connect-tls.ts'
import { whyNoAnswer } from '../control-plane/request.ts'
import { readPolicy, type StsPolicy } from './sts-policy.ts'

/** RFC 8461 §3.2 and §3.3: a minute, 64 kilobytes. */
const timeoutMs = 20_000
const mostBytes = 65_536

/** Where the policies of all domains are fetched from; left out: from each domain's own host, by the system's roots. For tests. */
export interface PolicyHost {
  readonly address: string
  readonly port: number
  /** PEM. */
  readonly ca: string
}

/**
 * Fetches the policy of a domain as a sender does: from `mta-sts.` and its name, with a certificate for that name, and no redirect followed.
 * A text: why there is none, the rest of a sentence that begins with its URL.
 */
export async function fetchPolicy(domain: string, at?: PolicyHost): Promise<StsPolicy | string> {
  const host = `mta-sts.${domain}`
  const connect = connectTls({
    allowH2: false,
    timeout: timeoutMs,
    servername: host,
    ...(at === undefined ? {} : { ca: at.ca }),
  })
  const agent = new Agent({ allowH2: false, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect })
  const origin = at === undefined ? `https://${host}` : `https://${at.address}:${at.port}`
  try {
    const answer = await agent.request({
      origin,
      path: '/.well-known/mta-sts.txt',
      method: 'GET',
      headers: { host, 'user-agent': 'waxseal', accept: 'text/plain' },
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (answer.statusCode !== 200) return `answers ${answer.statusCode}, which senders take for no policy`
    const type = String(answer.headers['content-type'] ?? '')
    if (!/^text\/plain\b/i.test(type)) return `is of the type ${type.slice(0, 60) || 'nothing'}, and not text/plain`
    const text = await bodyOf(answer.body as AsyncIterable<Buffer>)
    return text === null ? `is larger than ${mostBytes} bytes` : readPolicy(text)
  } catch (error) {
    return `cannot be fetched: ${whyNoAnswer(error).reason.slice(0, 300)}`
  } finally {
    await agent.destroy()
  }
}

async function bodyOf(body: AsyncIterable<Buffer>): Promise<string | null> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > mostBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

import { connectTls } from '../control-plane/connect-tls.ts'
import { whyNoAnswer } from '../control-plane/request.ts'
import { httpExchange } from '../host/socket/http-exchange.ts'
import { systemRoots } from '../host/system-roots.ts'
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
    ca: at === undefined ? [...systemRoots()] : at.ca,
  })
  const origin = at === undefined ? `https://${host}` : `https://${at.address}:${at.port}`
  try {
    const { status, headers, body } = await httpExchange({
      url: new URL('/.well-known/mta-sts.txt', origin),
      method: 'GET',
      headers: { host, 'user-agent': 'waxseal', accept: 'text/plain' },
      body: null,
      signal: AbortSignal.timeout(timeoutMs),
      maxBytes: mostBytes,
      connect,
    })
    if (status !== 200) return `answers ${status}, which senders take for no policy`
    const type = headers['content-type'] ?? ''
    if (!/^text\/plain\b/i.test(type)) return `is of the type ${type.slice(0, 60) || 'nothing'}, and not text/plain`
    return readPolicy(body)
  } catch (error) {
    return `cannot be fetched: ${whyNoAnswer(error).reason.slice(0, 300)}`
  }
}

import { asWaxsealError, WaxsealError } from '../error/waxseal-error.ts'
import { openPools } from './pools.ts'
import { retryAfterMs } from './retry-after.ts'

/** How to reach a control plane. */
export interface Endpoint {
  /** https, no slash at the end. */
  readonly url: string
  /** PEM of the roots to trust; null: the system's. */
  readonly ca: string | null
  readonly credential: string
  /** Milliseconds for one request with its answer, where the call sets none of its own; default 30 s. */
  readonly timeoutMs?: number
  /** The address of this host that it connects from; left out: the system's choice. */
  readonly localAddress?: string
}

/** One request. */
export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  /** In place of that of the endpoint. */
  readonly credential?: string
  readonly timeoutMs?: number
  /** Ends it at once, with its connection. */
  readonly signal?: AbortSignal
  /** Told what a `Retry-After` of a 2xx answer asks for, in milliseconds. */
  readonly onRetryAfter?: (ms: number) => void
}

/** Sends one request and returns the parsed JSON body of a 2xx answer. Every failure is one coded error. */
export type Send = (call: Call) => Promise<unknown>

const maxBytes = 1024 * 1024
const maxRefusalBytes = 64 * 1024
const defaultTimeoutMs = 30_000
const longestConnectMs = 10_000

/** An HTTP/1.1 client with kept-alive connections, TLS 1.3 at least, and limits on time and size. */
export function openSend(endpoint: Endpoint): {
  readonly send: Send
  /** How far this clock is ahead of the server's at the last answer, in milliseconds; null: it has not said. */
  clockAheadMs(): number | null
  /** New connections trust these roots (PEM) as well, in place of what was added before; not where the roots are the system's (`ca: null`). */
  trustAlso(pem: string | null): void
  /** Whether a connection is open. */
  isConnected(): boolean
  close(): Promise<void>
} {
  let aheadMs: number | null = null
  const { url, ca, timeoutMs: usualTimeoutMs = defaultTimeoutMs, localAddress } = endpoint
  const pools = openPools({ ca, timeoutMs: Math.min(longestConnectMs, usualTimeoutMs), localAddress })
  const send: Send = async (call) => {
    const { method, path, body, headers, credential = endpoint.credential, timeoutMs = usualTimeoutMs, signal } = call
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const { origin, pathname, search } = new URL(`${url}${path}`)
      const { agent, isBearer } = pools.of(credential)
      const answer = await agent.request({
        origin,
        path: `${pathname}${search}`,
        method,
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
        headers: {
          ...headers,
          ...(isBearer ? { authorization: `Bearer ${credential}` } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const { statusCode: status } = answer
      aheadMs = aheadOf(answer.headers['date'])
      if (status >= 200 && status < 300) {
        const wait = retryAfterOf(answer.headers['retry-after'])
        if (wait !== null) call.onRetryAfter?.(wait)
        return parseBody(await readBody(answer.body), status)
      }
      const said = withoutSecret(await readStart(answer.body), credential)
      throw refusal(status, said, answer.headers['retry-after'])
    } catch (error) {
      throw error instanceof WaxsealError ? error : unreachable(error)
    }
  }
  return {
    send,
    clockAheadMs: () => aheadMs,
    trustAlso: pools.trustAlso,
    isConnected: pools.isConnected,
    close: pools.close,
  }
}

/** By the Date header (RFC 9110 §6.6.1), which counts whole seconds. */
function aheadOf(date: string | string[] | undefined): number | null {
  const time = typeof date === 'string' ? Date.parse(date) : Number.NaN
  return Number.isNaN(time) ? null : Date.now() - time
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes)
      throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason: `the answer is larger than ${maxBytes} bytes` })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The start of what a refusal says. The status counts whatever becomes of the body, so this never fails. */
async function readStart(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      length += chunk.length
      if (length > maxRefusalBytes) break
    }
  } catch {
    // What has arrived will do.
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Some proxies answer an error with the request's headers. */
function withoutSecret(text: string, credential: string): string {
  return credential === '' ? text : text.replaceAll(credential, '[credential]')
}

function parseBody(text: string, status: number): unknown {
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    throw new WaxsealError('CONTROL_PLANE_UNREACHABLE', { status, reason: 'the answer is not JSON' })
  }
}

/** 4xx that a later try may mend: time-out, too early, too many. */
const passing = [408, 425, 429]

function refusal(status: number, text: string, retryAfter: string | string[] | undefined): WaxsealError {
  if (status === 410) return new WaxsealError('AGENT_RETIRED', { status })
  const wait = retryAfterOf(retryAfter)
  const details = { status, answer: printable(text), ...(wait === null ? {} : { retryAfterMs: wait }) }
  const mayPass = status >= 500 || status < 400 || passing.includes(status)
  return new WaxsealError(mayPass ? 'CONTROL_PLANE_UNREACHABLE' : 'CONTROL_PLANE_REFUSED', details)
}

function retryAfterOf(header: string | string[] | undefined): number | null {
  return retryAfterMs(typeof header === 'string' ? header : null, Date.now())
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 300)
}

function unreachable(error: unknown): WaxsealError {
  const { reason, isUntrusted } = whyNoAnswer(error)
  const hint = isUntrusted ? { hint: 'set control_plane.ca_file to the CA of the control plane' } : {}
  return new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason, ...hint }, { cause: asWaxsealError(error).cause })
}

/** Why no answer came, and whether that is because nobody who is trusted has signed the server's certificate. */
export function whyNoAnswer(error: unknown): { readonly reason: string; readonly isUntrusted: boolean } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const isUntrusted = /CERT|SELF_SIGNED|UNABLE_TO/.test(code) && !/EXPIRED|NOT_YET|ALTNAME/.test(code)
  // Node adds advice for who started it, which is not the administrator.
  const said = String(asWaxsealError(error).details['reason']).replace(/; if the root CA is installed locally.*$/, '')
  // Refused on each of several addresses, the error has a code and an empty message.
  return { reason: said || code || 'unknown', isUntrusted }
}

/** An answer that is not the protocol's. */
export function unusable(reason: string): WaxsealError {
  return new WaxsealError('CONTROL_PLANE_UNREACHABLE', { reason })
}

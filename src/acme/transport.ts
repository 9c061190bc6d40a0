import { Agent } from 'undici'
import { connectTls } from '../control-plane/connect-tls.ts'
import { whyNoAnswer } from '../control-plane/request.ts'
import { retryAfterMs } from '../control-plane/retry-after.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { guardedLookup } from '../host/socket/guarded-lookup.ts'
import { version } from '../version.ts'
import { openGuard } from './guard.ts'
import { readProblem, refusedBy, unusable } from './problem.ts'

/** One request to a CA. */
export interface AcmeRequest {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: string
  readonly body?: object
  readonly accept?: string
  readonly timeoutMs?: number
}

/** A 2xx answer. */
export interface AcmeAnswer {
  readonly text: string
  readonly location: string | null
  /** All of its Link headers. */
  readonly links: readonly string[]
  readonly retryAfterMs: number | null
}

/** HTTPS to one CA, with limits on time and size, and without redirects. */
export interface Transport {
  /** ACME_REFUSED: the CA says why not. ACME_UNREACHABLE: everything else. `onNonce`: told each nonce that an answer has, a refusal's too. */
  request(request: AcmeRequest, onNonce: (nonce: string) => void): Promise<AcmeAnswer>
  close(): Promise<void>
}

/** How to reach a CA. */
export interface TransportOptions {
  /** The URL of its directory. */
  readonly directory: string
  /** PEM of the roots to trust; null: the system's. */
  readonly ca: string | null
  /** For one request with its answer; default 30 s. */
  readonly timeoutMs?: number
  /** Ends what is under way. */
  readonly signal?: AbortSignal
}

const mostBytes = 256 * 1024
const usualTimeoutMs = 30_000
const longestConnectMs = 10_000

/** Connects when it is first asked. CONFIG_INVALID: the directory's URL is not https. */
export function openTransport({ directory, ca, timeoutMs = usualTimeoutMs, signal }: TransportOptions): Transport {
  const guard = openGuard(directory)
  const connect = connectTls({
    allowH2: false,
    timeout: Math.min(longestConnectMs, timeoutMs),
    minVersion: 'TLSv1.2',
    lookup: guardedLookup(guard.mayUse),
    ...(ca === null ? {} : { ca }),
  })
  const agent = new Agent({ connections: 4, allowH2: false, keepAliveTimeout: 10_000, connect })
  const ask = async (request: AcmeRequest, onNonce: (nonce: string) => void): Promise<AcmeAnswer> => {
    const { origin, pathname, search } = guard.allow(request.url)
    const timeout = AbortSignal.timeout(request.timeoutMs ?? timeoutMs)
    const answer = await agent.request({
      origin,
      path: `${pathname}${search}`,
      method: request.method,
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      headers: {
        'user-agent': `waxseal/${version}`,
        'accept-language': 'en',
        ...(request.accept === undefined ? {} : { accept: request.accept }),
        ...(request.body === undefined ? {} : { 'content-type': 'application/jose+json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
    })
    const { statusCode: status, headers } = answer
    const nonce = one(headers['replay-nonce'])
    if (nonce !== null && /^[A-Za-z0-9_-]{1,512}$/.test(nonce)) onNonce(nonce)
    const text = await readBody(answer.body)
    const wait = retryAfterMs(one(headers['retry-after']), Date.now())
    if (status < 200 || status > 299) throw refusal(status, text, wait)
    const links = headers['link'] ?? []
    return { text, location: one(headers['location']), links: [links].flat(), retryAfterMs: wait }
  }
  return {
    request: async (request, onNonce) => {
      try {
        return await ask(request, onNonce)
      } catch (error) {
        throw error instanceof WaxsealError ? error : unreachable(error)
      }
    },
    close: () => agent.destroy(),
  }
}

function one(header: string | string[] | undefined): string | null {
  return typeof header === 'string' ? header : null
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > mostBytes) throw unusable(`the answer is larger than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** A proxy's page, and a server that is down, are no words of the CA. */
function refusal(status: number, text: string, wait: number | null): WaxsealError {
  const problem = readProblem(parsed(text))
  const isSaid = problem.type !== 'unknown' || problem.detail !== ''
  if (status >= 400 && (isSaid || status < 500)) return refusedBy(problem, status, wait)
  const reason = status < 400 ? 'it answers with a redirect, and none is followed' : 'it is out of order'
  return unusable(reason, { status, ...(wait === null ? {} : { retryAfterMs: wait }) })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function unreachable(error: unknown): WaxsealError {
  const { reason, isUntrusted } = whyNoAnswer(error)
  const hint = isUntrusted ? { hint: 'name the CA of a private ACME server with ca_file' } : {}
  return new WaxsealError('ACME_UNREACHABLE', { reason, ...hint }, { cause: error })
}

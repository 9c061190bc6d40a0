import { connectTls } from '../control-plane/connect-tls.ts'
import { whyNoAnswer } from '../control-plane/request.ts'
import { retryAfterMs } from '../control-plane/retry-after.ts'
import { WaxsealError } from '../error/waxseal-error.ts'
import { guardedLookup } from '../host/socket/guarded-lookup.ts'
import { httpExchange } from '../host/socket/http-exchange.ts'
import { systemRoots } from '../host/system-roots.ts'
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
  /** Whether the CA is in an inner network, as far as it was looked up. */
  isInner(): boolean
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
  const ending = new AbortController()
  const connect = connectTls({
    allowH2: false,
    timeout: Math.min(longestConnectMs, timeoutMs),
    minVersion: 'TLSv1.2',
    lookup: guardedLookup(guard.usable),
    ca: ca ?? [...systemRoots()],
  })
  const ask = async (request: AcmeRequest, onNonce: (nonce: string) => void): Promise<AcmeAnswer> => {
    const url = guard.allow(request.url)
    const { status, headers, body } = await httpExchange({
      url,
      method: request.method,
      signal: AbortSignal.any([
        ending.signal,
        AbortSignal.timeout(request.timeoutMs ?? timeoutMs),
        ...(signal === undefined ? [] : [signal]),
      ]),
      maxBytes: mostBytes,
      headers: {
        'user-agent': `waxseal/${version}`,
        'accept-language': 'en',
        ...(request.accept === undefined ? {} : { accept: request.accept }),
        ...(request.body === undefined ? {} : { 'content-type': 'application/jose+json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      connect,
    })
    const nonce = one(headers['replay-nonce'])
    if (nonce !== null && /^[A-Za-z0-9_-]{1,512}$/.test(nonce)) onNonce(nonce)
    const wait = retryAfterMs(one(headers['retry-after']), Date.now())
    if (status < 200 || status > 299) throw refusal(status, body, wait)
    return { text: body, location: one(headers.location), links: linksIn(headers['link']), retryAfterMs: wait }
  }
  return {
    request: async (request, onNonce) => {
      try {
        return await ask(request, onNonce)
      } catch (error) {
        throw error instanceof WaxsealError ? error : unreachable(error)
      }
    },
    isInner: guard.isInner,
    close: async () => ending.abort(),
  }
}

function one(header: string | string[] | undefined): string | null {
  return typeof header === 'string' ? header : null
}

/** Node joins those of several lines by commas, which stand between links in one line, too. */
function linksIn(header: string | string[] | undefined): readonly string[] {
  return header === undefined ? [] : [header].flat()
}

/** A proxy's page, and a server that is down, are no words of the CA; but 429 has one meaning, whoever answers so. */
function refusal(status: number, text: string, wait: number | null): WaxsealError {
  const said = readProblem(parsed(text))
  const isLimit = status === 429 && said.type === 'unknown'
  const problem = isLimit ? { ...said, type: 'rateLimited', detail: said.detail || 'too many requests' } : said
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

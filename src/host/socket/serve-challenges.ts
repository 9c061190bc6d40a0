import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'

/** Where it listens: a socket that the service manager opened, or an address of its own. */
export type ChallengeSocket = { readonly fd: number } | { readonly host: string; readonly port: number }

/** How it answers, and when it ends. */
export interface ChallengeServing {
  /** The answer to the challenge with this token, which has the form of one, for the host that was asked for; null: there is none. */
  readonly find: (token: string, host: string) => Promise<string | null>
  /** It ends after so many milliseconds without a request; null: at the signal alone. */
  readonly idleMs: number | null
  readonly signal: AbortSignal
  readonly onListening?: (port: number) => void
}

const path = /^\/\.well-known\/acme-challenge\/([A-Za-z0-9_-]{16,256})$/
const mostConnections = 100

/** Answers GET and HEAD of `/.well-known/acme-challenge/TOKEN` (RFC 8555 §8.3), and nothing else, to whoever asks. Resolves at its end. */
export async function serveChallenges(socket: ChallengeSocket, serving: ChallengeServing): Promise<void> {
  const { find, idleMs, signal, onListening } = serving
  const limits = { maxHeaderSize: 8192, headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 1000 }
  let lastAt = Date.now()
  const server = createServer({ ...limits, keepAlive: false }, async (request, response) => {
    lastAt = Date.now()
    const text = await answerTo(request, find).catch(() => null)
    const [status, body] = text === null ? [404, 'There is no such challenge.\n'] : [200, text]
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('connection', 'close')
    response.writeHead(status).end(request.method === 'HEAD' ? undefined : body)
  })
  server.maxConnections = mostConnections
  const ended = once(server, 'close')
  await once(server.listen(socket), 'listening')
  const address = server.address()
  if (typeof address === 'object' && address !== null) onListening?.(address.port)
  const end = (): void => {
    server.close()
    server.closeAllConnections()
  }
  signal.addEventListener('abort', end, { once: true })
  const looking =
    idleMs === null ? null : setInterval(() => Date.now() - lastAt > idleMs && end(), Math.min(idleMs, 1000))
  if (signal.aborted) end()
  await ended
  clearInterval(looking ?? undefined)
}

async function answerTo(
  { method, url = '', headers }: IncomingMessage,
  find: ChallengeServing['find'],
): Promise<string | null> {
  const token = path.exec(url)?.[1]
  const host = hostIn(headers.host ?? '')
  return token === undefined || host === '' || (method !== 'GET' && method !== 'HEAD') ? null : find(token, host)
}

/** Without its port, and the brackets of an IPv6 address. */
function hostIn(header: string): string {
  return header.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
}

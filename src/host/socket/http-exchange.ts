import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'

/** One request over a connection of its own. */
export interface HttpRequest {
  readonly url: URL
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly signal: AbortSignal
  /** Of the answer's body; more is an error. */
  readonly maxBytes: number
  /** Makes the connection. */
  readonly connect: (connected: (error: Error | null, socket: Socket | null) => void) => void
}

/** What was answered, whatever it says. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/**
 * Asks with Node's own client, which needs no WebAssembly: the control plane's unit runs without compilers, where undici reads no answer.
 * Follows no redirect. Throws what went wrong; an answer that is too large is hung up on.
 */
export async function httpExchange({ url, method, headers, body, ...how }: HttpRequest): Promise<HttpAnswer> {
  const { signal, maxBytes, connect } = how
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = request({
    method,
    path: `${url.pathname}${url.search}`,
    headers: { host: url.host, connection: 'close', ...headers },
    signal,
    maxHeaderSize: 64 * 1024,
    createConnection: (_, connected) => {
      connect((error, socket) => {
        // undici's connectors leave the socket out where there is an error.
        if (error !== null || socket === null)
          connected(error ?? new Error('there is no connection'), undefined as never)
        else connected(null, socket)
      })
      return undefined
    },
  })
  sent.on('response', resolve)
  sent.on('error', reject)
  sent.end(body ?? undefined)
  const answer = await promise
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    // Leaving the loop ends the connection.
    if (length > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString('utf8') }
}

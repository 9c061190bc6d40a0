import { type IncomingMessage, request } from 'node:http'
import type { buildConnector } from 'undici'

/** One request over https, on a connection of its own. */
export interface HttpRequest {
  readonly url: URL
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly signal: AbortSignal
  /** Of the answer's body; more is an error. Null: it is not read. */
  readonly maxBytes: number | null
  /** Makes the connection, and verifies who answers. */
  readonly connect: buildConnector.connector
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
      connect(targetOf(url), (...[error, socket]) => {
        // undici's connectors leave the socket out where there is an error.
        if (error !== null) connected(error, undefined as never)
        else connected(null, socket)
      })
      return undefined
    },
  })
  sent.on('response', resolve)
  sent.on('error', reject)
  sent.end(body ?? undefined)
  const answer = await promise
  const { statusCode: status = 0, headers: said } = answer
  if (maxBytes === null) {
    answer.destroy()
    return { status, headers: said, body: '' }
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    // Leaving the loop ends the connection.
    if (length > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return { status, headers: said, body: Buffer.concat(chunks).toString('utf8') }
}

/** An address of IPv6 is connected to without its brackets. */
function targetOf({ protocol, host, hostname, port }: URL): Parameters<buildConnector.connector>[0] {
  return { protocol, host, hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? '443' : port }
}

import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureVersion } from 'node:tls'
import type { TestPair } from './certificates.ts'

/** One request as it arrived. */
export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Parsed JSON; null: it had no body. */
  readonly body: unknown
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A real HTTPS server on an address of this machine whose answers a test sets. */
export interface HttpsServer {
  readonly url: string
  readonly requests: readonly ReceivedRequest[]
  /** From now on every request gets this answer. */
  answer(handler: Handler): void
  /** Cuts what is still open. */
  close(): Promise<void>
}

/** Starts a server that presents the pair. Answers 200 `{}` until told otherwise. */
export async function startHttpsServer(
  pair: TestPair,
  maxVersion: SecureVersion = 'TLSv1.3',
  address = '127.0.0.1',
): Promise<HttpsServer> {
  const requests: ReceivedRequest[] = []
  let handler: Handler = json(200, {})
  const server = createServer(
    { cert: pair.certificatePem, key: pair.keyPem, maxVersion },
    async (request, response) => {
      let text = ''
      for await (const chunk of request.setEncoding('utf8')) text += String(chunk)
      requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: text === '' ? null : JSON.parse(text),
      })
      handler(request, response)
    },
  )
  await once(server.listen(0, address), 'listening')
  return {
    url: `https://${address}:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (next) => {
      handler = next
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Answers with a JSON body. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Handler {
  return text(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers })
}

/** Answers with a body as it is. */
export function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, headers).end(body)
  }
}

/** Sends the head and a first part of the body, then does what `next` says. */
export function partly(status: number, headers: Readonly<Record<string, string>>, next: 'cut' | 'stall'): Handler {
  return (_request, response) => {
    response.writeHead(status, headers)
    response.write('{"part":', () => {
      if (next === 'cut') response.destroy()
    })
  }
}

/** Writes until the other side hangs up. */
export function endless(status: number, onHangUp: () => void): Handler {
  return (_request, response) => {
    const fill = (): void => {
      while (response.write(Buffer.alloc(65_536)));
    }
    response.on('drain', fill).once('close', onHangUp).writeHead(status)
    fill()
  }
}

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { openAuthority } from '../../src/server/authority/authority.ts'

/**
 * What happens to one request instead of its being passed on. `lose-answer`: it is passed on, the answer is not. `keep`: it is passed
 * on, and this share of the answer's body is. `cutAfterMs`: it is passed on, and cut off when there is no answer by then.
 */
export type Fault =
  | { readonly keep: number }
  | { readonly cutAfterMs: number }
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'cut-request'
  | 'cut-body'
  | 'lose-answer'
  | 'huge'

/** A request as the agent sent it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly body: string
}

/** An HTTPS proxy before a control plane that can be told to answer like a bad day. */
export interface MisbehavingProxy {
  readonly url: string
  readonly seen: readonly Seen[]
  /** How many TLS connections came. */
  connections(): number
  /** Decides for each request from now on; null passes it on. */
  misbehave(decide: (request: Seen) => Fault | null): void
  close(): Promise<void>
}

/** Where the control plane is, and where the proxy listens. */
export interface ProxyPlaces {
  readonly target: string
  /** What the certificate at `target` is for; left out: its host. */
  readonly servername?: string
  readonly address?: string
}

/** Starts a proxy with a certificate of the control plane's own CA, which is in `dataDir`. */
export async function startProxy(places: ProxyPlaces, dataDir: string): Promise<MisbehavingProxy> {
  const { address = '127.0.0.1' } = places
  const authority = await openAuthority(dataDir)
  const pair = await authority.issueServerPair(['localhost', address])
  let decide: (request: Seen) => Fault | null = () => null
  const seen: Seen[] = []
  let connections = 0
  const server = createServer({ cert: pair.certificatePem, key: pair.keyPem }, async (incoming, answer) => {
    const one = { method: incoming.method ?? '', path: incoming.url ?? '', body: await bodyOf(incoming) }
    seen.push(one)
    const fault = decide(one)
    if (isBounded(fault)) setTimeout(() => answer.writableEnded || answer.destroy(), fault.cutAfterMs).unref()
    if (fault === null || fault === 'lose-answer' || isCut(fault) || isBounded(fault)) {
      // The control plane may end in the middle of a request, at the end of a test above all.
      const passed = await pass(places, authority.caPem, incoming, one.body).catch(() => null)
      if (fault === 'lose-answer' || passed === null) answer.destroy()
      else if (fault !== null && isCut(fault)) cut(answer, passed, fault.keep)
      else answer.writeHead(passed.status, passed.headers).end(passed.body)
    } else spoil(answer, fault)
  })
  server.on('secureConnection', () => {
    connections += 1
  })
  server.listen(0, address)
  await once(server, 'listening')
  return {
    url: `https://${address}:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => connections,
    misbehave: (next) => {
      decide = next
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function isBounded(fault: Fault | null): fault is { readonly cutAfterMs: number } {
  return typeof fault === 'object' && fault !== null && 'cutAfterMs' in fault
}

function isCut(fault: Fault): fault is { readonly keep: number } {
  return typeof fault === 'object' && 'keep' in fault
}

function cut(answer: ServerResponse, { status, headers, body }: Passed, keep: number): void {
  answer.writeHead(status, headers)
  answer.write(body.slice(0, Math.floor(body.length * keep)), () => answer.destroy())
}

function spoil(
  answer: ServerResponse,
  fault: Exclude<Fault, 'lose-answer' | { readonly keep: number } | { readonly cutAfterMs: number }>,
): void {
  if (fault === 'cut-request') answer.destroy()
  else if (fault === 'cut-body') {
    answer.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    answer.write('{"jobs":[{"id":"jo', () => answer.destroy())
  } else if (fault === 'huge') answer.end(`{"jobs":["${'x'.repeat(10 * 1024 * 1024)}"]}`)
  else answer.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? '')
}

interface Passed {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

async function pass(
  { target, servername }: ProxyPlaces,
  ca: string,
  { method, url, headers }: IncomingMessage,
  body: string,
): Promise<Passed> {
  const outgoing = request(`${target}${url}`, {
    method,
    ca,
    headers: { ...headers, host: new URL(target).host },
    ...(servername === undefined ? {} : { servername }),
  })
  outgoing.end(body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await bodyOf(incoming) }
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of message) body += String(chunk)
  return body
}

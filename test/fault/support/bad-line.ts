import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { RunningControlPlane } from '../../../src/server/start-control-plane.ts'
import type { TestPair } from '../../support/certificates.ts'

/**
 * What happens to one request. `cut-request`: the connection ends in the middle of it. `cut-answer`: in the middle of the
 * answer. `late`: it comes to the control plane when the agent has given up. `slowMs` holds the
 * answer back, `rewrite` changes its body.
 */
export type Fault =
  | 'cut-request'
  | 'cut-answer'
  | 'late'
  | { readonly status: number }
  | { readonly slowMs: number }
  | { readonly rewrite: (body: string) => string }

/** A request as it came, with the status that the control plane answered; null: it never came to it. */
export interface Passed {
  readonly path: string
  readonly body: string
  status: number | null
}

/** The line between an agent and its control plane: an HTTPS proxy at one address, which can be down. */
export interface BadLine {
  readonly url: string
  readonly passed: readonly Passed[]
  /** Decides for each request from now on; null passes it on. */
  spoil(decide: (path: string, body: string) => Fault | null): void
  /** Refuses connections until `up`. */
  down(): Promise<void>
  up(): Promise<void>
  /** Presents another pair from now on, to new and to old clients. */
  present(pair: TestPair): void
  close(): Promise<void>
}

/** Lays the line; it presents the pair. */
export async function layLine(controlPlane: RunningControlPlane, pair: TestPair): Promise<BadLine> {
  let decide: (path: string, body: string) => Fault | null = () => null
  const passed: Passed[] = []
  const server = createServer(credentials(pair), async (incoming, answer) => {
    answer.on('error', () => {})
    const one: Passed = { path: incoming.url ?? '', body: await textOf(incoming), status: null }
    passed.push(one)
    const fault = decide(one.path, one.body)
    if (fault === 'cut-request') answer.destroy()
    else if (isObject(fault) && 'status' in fault) answer.writeHead(fault.status).end('{"error":"a bad day"}')
    else await passOn(incoming, answer, one, fault)
  })
  const passOn = async (
    incoming: IncomingMessage,
    answer: ServerResponse,
    one: Passed,
    fault: Exclude<Fault, 'cut-request' | { readonly status: number }> | null,
  ): Promise<void> => {
    if (fault === 'late') await once(answer, 'close')
    const { status, body } = await pass(controlPlane, incoming, one.body)
    one.status = status
    if (isObject(fault) && 'slowMs' in fault) await setTimeout(fault.slowMs)
    deliver(answer, status, isObject(fault) && 'rewrite' in fault ? fault.rewrite(body) : body, fault)
  }
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  const down = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    passed,
    spoil: (next) => {
      decide = next
    },
    down,
    up: () => listen(port),
    present: (next) => {
      server.setSecureContext(credentials(next))
      server.closeAllConnections()
    },
    close: down,
  }
}

function isObject<F extends Fault>(fault: F | null): fault is Exclude<F, string> {
  return typeof fault === 'object' && fault !== null
}

function credentials({ certificatePem, keyPem }: TestPair): { readonly cert: string; readonly key: string } {
  return { cert: certificatePem, key: keyPem }
}

function deliver(answer: ServerResponse, status: number, body: string, fault: Fault | null): void {
  if (answer.destroyed) return
  answer.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  if (fault === 'cut-answer') answer.write(body.slice(0, body.length / 2), () => answer.destroy())
  else answer.end(body)
}

async function pass(
  { url, caPem }: RunningControlPlane,
  { method, url: path, headers }: IncomingMessage,
  sent: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const outgoing = request(`${url}${path}`, { method, ca: caPem, headers: { ...headers, host: new URL(url).host } })
  outgoing.end(sent)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: incoming.statusCode ?? 0, body: await textOf(incoming) }
}

async function textOf(message: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of message) body += String(chunk)
  return body
}

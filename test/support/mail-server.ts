import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createSecureContext, type SecureVersion, TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import type { ProbeProtocol } from '../../src/plan/plan.ts'
import type { TestPair } from './certificates.ts'

/** What a server says up to TLS: the first text at once, each other one after a line of the client. */
export const scripts = {
  tls: [],
  smtp: ['220 mail.example.net ESMTP\r\n', '250-mail.example.net\r\n250 STARTTLS\r\n', '220 2.0.0 Ready\r\n'],
  lmtp: ['220 mail.example.net LMTP\r\n', '250-mail.example.net\r\n250 STARTTLS\r\n', '220 2.0.0 Ready\r\n'],
  imap: ['* OK [CAPABILITY IMAP4rev1 STARTTLS] Ready\r\n', 'a1 OK Begin TLS\r\n'],
  pop3: ['+OK Ready\r\n', '+OK Begin TLS\r\n'],
  sieve: ['"IMPLEMENTATION" "test"\r\n"STARTTLS"\r\nOK "Ready"\r\n', 'OK "Begin TLS"\r\n'],
} as const satisfies Record<ProbeProtocol, readonly string[]>

export interface MailServerOptions {
  readonly script: readonly string[]
  /** TLS with these pairs after the script. */
  readonly pairs?: readonly TestPair[]
  readonly maxVersion?: SecureVersion
  /** What happens after the script when there are no pairs; nothing by default. */
  readonly finish?: (socket: Socket) => void
}

/** A server on 127.0.0.1 that follows a script. */
export interface MailServer {
  readonly port: number
  /** The lines of the clients, and the SNI names they asked for (null: none). */
  readonly heard: string[]
  readonly servernames: (string | null)[]
  /** Resolves when the first connection is closed, with the number of bytes that the server could send. */
  readonly closed: Promise<number>
}

/** Starts a server that ends with its test. */
export async function startMailServer(t: Test, options: MailServerOptions): Promise<MailServer> {
  const heard: string[] = []
  const servernames: (string | null)[] = []
  const sockets = new Set<Socket>()
  const { promise: closed, resolve } = Promise.withResolvers<number>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => resolve(socket.bytesWritten - socket.writableLength))
    follow(socket, options, heard, servernames).catch(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, heard, servernames, closed }
}

async function follow(
  socket: Socket,
  { script, pairs, maxVersion, finish }: MailServerOptions,
  heard: string[],
  servernames: (string | null)[],
): Promise<void> {
  for (const [index, text] of script.entries()) {
    if (index > 0) heard.push(await nextText(socket))
    socket.write(text, 'latin1')
  }
  if (pairs === undefined) {
    socket.resume()
    finish?.(socket)
    return
  }
  const context = createSecureContext({
    cert: pairs.map((pair) => pair.certificatePem + pair.chainPem),
    key: pairs.map(({ keyPem }) => keyPem),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  })
  const position = servernames.push(null) - 1
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    SNICallback: (name, done) => {
      servernames[position] = name === '' ? null : name
      done(null, context)
    },
  })
  tls.on('error', () => socket.destroy())
}

/** The client speaks one line at a time, so a chunk is a line. */
async function nextText(socket: Socket): Promise<string> {
  socket.resume()
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  socket.pause()
  return chunk.toString('latin1').trimEnd()
}

/** Sends the same for as long as the client takes it. */
export function pour(socket: Socket, chunk: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk, 'latin1'));
  }
  socket.on('drain', more)
  more()
}

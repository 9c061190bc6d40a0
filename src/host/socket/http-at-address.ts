import { type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { isAddressOrNetwork } from './address-set.ts'
import { lookupOf } from './guarded-lookup.ts'
import { contextOf, withoutNameCheck } from './served-certificates.ts'

/** One GET of whoever is at these addresses, by http or https. */
export interface AddressedRequest {
  /** What is asked for, and by what name. */
  readonly url: URL
  /** Whoever of them takes a connection first is asked. */
  readonly addresses: readonly string[]
  readonly port: number
  readonly userAgent: string
  /** Of the body: the rest is not read. */
  readonly mostBytes: number
  readonly signal: AbortSignal
}

/** What was answered; or why there was no answer of HTTP, and whether anybody took the connection. */
export type AddressedAnswer =
  | { readonly status: number; readonly location: string | null; readonly body: string }
  | { readonly failed: string; readonly wasConnected: boolean }

/**
 * Asks as a CA does for the answer to a challenge: whose certificate is shown is nobody's concern, no cookie and no credential is sent, no
 * redirect followed. Never throws.
 */
export async function askAtAddress({ url, addresses, port, ...how }: AddressedRequest): Promise<AddressedAnswer> {
  const { userAgent, mostBytes, signal } = how
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const plain = connect({ host, port, lookup: lookupOf(addresses) })
  let wasConnected = false
  plain.once('connect', () => {
    wasConnected = true
  })
  const socket = url.protocol === 'https:' ? withTls(plain, host) : plain
  // What comes after the answer concerns nobody.
  socket.on('error', () => {})
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const sent = request({
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, 'user-agent': userAgent, accept: '*/*', connection: 'close' },
      signal,
      createConnection: () => socket,
    })
    sent.on('response', resolve)
    sent.on('error', reject)
    // What is no answer, such as a change of the protocol, ends without an error.
    sent.on('close', () => reject(new Error('it hangs up')))
    sent.end()
    const answer = await promise
    const { statusCode: status = 0, headers } = answer
    return { status, location: headers.location ?? null, body: await start(answer, mostBytes) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { failed: signal.aborted ? 'ETIMEDOUT' : (code ?? message), wasConnected }
  } finally {
    socket.destroy()
    plain.destroy()
  }
}

function withTls(plain: Socket, host: string): Socket {
  const tls = connectTls({
    socket: plain,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    secureContext: contextOf(null),
    ...(isAddressOrNetwork(host) ? {} : { servername: host }),
  })
  withoutNameCheck(tls)
  // Of a connection that never comes, as of one that breaks.
  plain.on('error', (error) => tls.destroy(error))
  return tls
}

async function start(answer: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= most) break
  }
  return Buffer.concat(chunks).subarray(0, most).toString('utf8')
}

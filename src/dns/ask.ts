import { askByTcp, askByUdp, type DnsServer } from '../host/socket/dns-exchange.ts'
import { isAnswerTo, type Message, type Question, readMessage, writeQuestion } from './message.ts'

/** How a question is asked. */
export interface AskOptions {
  /** Whether the server is to ask others: false for an authoritative server. */
  readonly isRecursive: boolean
  /** Of one server, UDP and TCP each. */
  readonly timeoutMs?: number
  /** Datagrams to one server. */
  readonly tries?: number
}

/** An answer that says something: `NOERROR` or `NXDOMAIN`. */
export interface Answered extends Message {
  readonly rcode: 'NOERROR' | 'NXDOMAIN'
  readonly server: DnsServer
}

/** An answer, or why there is none: `ETIMEOUT`, `ESERVFAIL`, `EREFUSED`, `EBADRESP`, `ECONNREFUSED` and the like. */
export type Asked = Answered | { readonly failed: string }

/**
 * Asks the servers one after the other until one answers; the reason of the last one otherwise. UDP, and TCP where the answer was cut or
 * somebody guesses. Never throws; what an answer holds is bounded and checked, and still says no more than its server says.
 */
export async function askDns(question: Question, servers: readonly DnsServer[], options: AskOptions): Promise<Asked> {
  let asked: Asked = { failed: 'ENOSERVER' }
  for (const server of servers) {
    asked = await askServer(question, server, options)
    if (!('failed' in asked)) return asked
  }
  return asked
}

async function askServer(
  question: Question,
  server: DnsServer,
  { isRecursive, timeoutMs = 3000, tries = 2 }: AskOptions,
): Promise<Asked> {
  const bytes = writeQuestion(question, isRecursive)
  let message: Message | null
  try {
    message = readMessage(await exchange(bytes, server, timeoutMs / tries, tries))
    // An answer that has not all is asked for again by TCP, and is never used.
    if (message?.isTruncated) message = readMessage(await byTcp(bytes, server, timeoutMs))
  } catch (error) {
    return { failed: (error as NodeJS.ErrnoException).code ?? 'EBADRESP' }
  }
  if (message === null || message.isTruncated) return { failed: 'EBADRESP' }
  const { rcode } = message
  return rcode === 'NOERROR' || rcode === 'NXDOMAIN' ? { ...message, rcode, server } : { failed: `E${rcode}` }
}

async function exchange(question: Buffer, server: DnsServer, ms: number, tries: number): Promise<Buffer> {
  try {
    return await askByUdp(server, question, (bytes) => isAnswerTo(question, bytes), ms)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EGUESSED') return byTcp(question, server, ms)
    if (code !== 'ETIMEOUT' || tries <= 1) throw error
    return exchange(question, server, ms, tries - 1)
  }
}

async function byTcp(question: Buffer, server: DnsServer, ms: number): Promise<Buffer> {
  const bytes = await askByTcp(server, question, ms)
  if (isAnswerTo(question, bytes)) return bytes
  throw Object.assign(new Error('EBADRESP'), { code: 'EBADRESP' })
}

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type Answer, AUTHENTIC_DATA, AUTHORITATIVE_ANSWER, decode, encode, type Packet } from 'dns-packet'
import type { Test } from 'tap'
import type { DnsServer } from '../../src/host/socket/dns-exchange.ts'

/** What a server of a test says: a packet (id and question are filled in), bytes as they are, or nothing. */
export type Reply = Packet | Buffer | null

/** A question as it came. */
export interface Heard {
  readonly name: string
  readonly type: string
  readonly by: 'udp' | 'tcp'
  /** Where the datagram came from; 0 by TCP. */
  readonly port: number
  readonly bytes: Buffer
}

/** A DNS server of ours on UDP and TCP, until the end of the test. It says whatever it is told to: several replies come one after the other. */
export async function startAnswering(
  t: Test,
  reply: (heard: Heard) => Reply | readonly Reply[],
  { address = '127.0.0.1', port: wanted = 0 } = {},
): Promise<DnsServer & { readonly heard: readonly Heard[] }> {
  const heard: Heard[] = []
  const repliesTo = (bytes: Buffer, by: Heard['by'], from: number): readonly Buffer[] => {
    const [question] = decode(bytes).questions ?? []
    const one: Heard = { name: question?.name ?? '', type: question?.type ?? '', by, port: from, bytes }
    heard.push(one)
    const replies = reply(one)
    return (Array.isArray(replies) ? (replies as readonly Reply[]) : [replies as Reply]).flatMap((each) =>
      each === null ? [] : [Buffer.isBuffer(each) ? each : completed(bytes, each)],
    )
  }
  const tcp = createServer((connection) => {
    connection.on('error', () => {})
    connection.once('data', (chunk) => {
      for (const bytes of repliesTo(chunk.subarray(2), 'tcp', 0)) {
        const length = Buffer.alloc(2)
        length.writeUInt16BE(bytes.length)
        connection.write(Buffer.concat([length, bytes]))
      }
    })
  }).listen(wanted, address)
  await once(tcp, 'listening')
  const { port } = tcp.address() as { readonly port: number }
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(port, address)
  await once(udp, 'listening')
  udp.on('message', (bytes, from) => {
    for (const answer of repliesTo(bytes, 'udp', from.port)) udp.send(answer, from.port, from.address)
  })
  t.teardown(async () => {
    udp.close()
    tcp.close()
    await once(tcp, 'close')
  })
  return { address, port, heard }
}

function completed(question: Buffer, packet: Packet): Buffer {
  const { id, questions } = decode(question)
  return encode({
    type: 'response',
    ...(id === undefined ? {} : { id }),
    ...(questions ? { questions } : {}),
    ...packet,
  })
}

/** An answer with these records, with AA. */
export function answering(...answers: readonly Answer[]): Packet {
  return { flags: AUTHORITATIVE_ANSWER, answers: [...answers] }
}

/** The same from a resolver that validated it. */
export function validated(...answers: readonly Answer[]): Packet {
  return { flags: AUTHENTIC_DATA, answers: [...answers] }
}

/** Port 53 of an address of loopback that nobody has: where a zone's servers have to be. */
export function dnsAddress(): { readonly address: string; readonly port: 53 } {
  const part = (): number => 2 + Math.floor(Math.random() * 250)
  return { address: `127.${part()}.${part()}.${part()}`, port: 53 }
}

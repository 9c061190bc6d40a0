import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createConnection, isIPv6 } from 'node:net'

/** Where a DNS server listens. */
export interface DnsServer {
  /** An IP address, never a name. */
  readonly address: string
  readonly port: number
}

/** Datagrams with another id or question than was asked: beyond these somebody guesses, and the server is asked by TCP alone. */
const mostStrangers = 32

/**
 * One datagram to a server, and the first answer that `isAnswer` takes. The socket is connected, with a port that the system chose: the
 * kernel drops what comes from any other address. Rejects with a code: ETIMEOUT, EGUESSED (too many wrong ones), or the system's.
 */
export async function askByUdp(
  { address, port }: DnsServer,
  question: Buffer,
  isAnswer: (bytes: Buffer) => boolean,
  ms: number,
): Promise<Buffer> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const late = setTimeout(() => reject(coded('ETIMEOUT')), ms)
  let strangers = 0
  socket.on('error', reject)
  socket.on('message', (bytes) => {
    if (isAnswer(bytes)) resolve(bytes)
    else if ((strangers += 1) >= mostStrangers) reject(coded('EGUESSED'))
  })
  // Without a callback, whatever is wrong comes as an error of the socket: no route, or a refusal by ICMP.
  socket.once('connect', () => socket.send(question))
  socket.connect(port, address)
  try {
    return await promise
  } finally {
    clearTimeout(late)
    socket.close()
  }
}

/** The same over a connection of its own. An answer has 65535 bytes at most, by its own length field. Rejects with a code. */
export async function askByTcp({ address, port }: DnsServer, question: Buffer, ms: number): Promise<Buffer> {
  const connection = createConnection({ host: address, port })
  const late = setTimeout(() => connection.destroy(coded('ETIMEOUT')), ms)
  try {
    await once(connection, 'connect')
    const length = Buffer.alloc(2)
    length.writeUInt16BE(question.length)
    connection.write(Buffer.concat([length, question]))
    let bytes = Buffer.alloc(0)
    for await (const chunk of connection as AsyncIterable<Buffer>) {
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE())
        return bytes.subarray(2, 2 + bytes.readUInt16BE())
    }
    throw coded('EBADRESP')
  } finally {
    clearTimeout(late)
    connection.destroy()
  }
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code })
}

import { isIPv4, isIPv6 } from 'node:net'
import type { ProxyVersion } from '../../plan/plan.ts'

/** One end of a TCP connection. */
export interface TcpEnd {
  readonly address: string
  readonly port: number
}

/**
 * The PROXY header (haproxy's proxy-protocol.txt, §2) of a connection from `source` to `destination`. Null: it is no TCP
 * connection, and the header says only that there is no other client behind it.
 */
export function proxyHeader(
  version: ProxyVersion,
  ends: { readonly source: TcpEnd; readonly destination: TcpEnd } | null,
): Buffer {
  return version === 1 ? asText(ends) : asBytes(ends)
}

type Ends = Parameters<typeof proxyHeader>[1]

function asText(ends: Ends): Buffer {
  if (ends === null) return Buffer.from('PROXY UNKNOWN\r\n', 'latin1')
  const { source, destination } = ends
  const family = isIPv4(source.address) ? 'TCP4' : 'TCP6'
  return Buffer.from(
    `PROXY ${family} ${source.address} ${destination.address} ${source.port} ${destination.port}\r\n`,
    'latin1',
  )
}

/** What a header of version 2 begins with. */
export const proxySignature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const [localCommand, proxyCommand] = [0x20, 0x21]
const [unspecified, overIpv4, overIpv6] = [0x00, 0x11, 0x21]

function asBytes(ends: Ends): Buffer {
  if (ends === null) return Buffer.concat([proxySignature, Buffer.from([localCommand, unspecified, 0, 0])])
  const { source, destination } = ends
  const addresses = [addressBytes(source.address), addressBytes(destination.address)]
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(destination.port, 2)
  const body = Buffer.concat([...addresses, ports])
  const head = Buffer.from([proxyCommand, isIPv4(source.address) ? overIpv4 : overIpv6, 0, body.length])
  return Buffer.concat([proxySignature, head, body])
}

/** 4 or 16 bytes, in the order of the network. A zone (`%eth0`) is no part of them. */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const plain = address.split('%')[0] ?? ''
  if (!isIPv6(plain)) throw new TypeError('not an address')
  // The last 32 bits may be written as an IPv4 address (RFC 4291 §2.2).
  const text = plain.replace(/\d+\.\d+\.\d+\.\d+$/, (ipv4) => {
    const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [before = '', after] = text.split('::')
  const head = groups(before)
  const tail = groups(after ?? '')
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0)
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...head, ...zeros, ...tail].entries()) bytes.writeUInt16BE(group, index * 2)
  return bytes
}

function groups(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

import { isIPv4, isIPv6 } from 'node:net'
import { proxySignature, type TcpEnd } from './proxy-header.ts'

/** A PROXY header that is whole. */
export interface ReadHeader {
  /** Bytes, from the first on. */
  readonly length: number
  /** Who is behind the proxy; null: nobody that it names, such as when it asks itself whether this server lives. */
  readonly source: TcpEnd | null
}

/** With its end; the longest that there may be (haproxy's proxy-protocol.txt, §2.1). */
const longestLine = 107
const fixedBytes = 16
/** Of version 2 with all that a proxy may say beside the addresses: none in use says more than some hundred bytes. */
const mostBytes = 4096
const over = { ipv4: { family: 1, bytes: 4 }, ipv6: { family: 2, bytes: 16 } } as const
const stream = 1
const mapped = Buffer.from('00000000000000000000ffff', 'hex')

/** Reads the PROXY header, of version 1 or 2, at the start of what has arrived. `more`: it may become one; `none`: it is none. */
export function readProxyHeader(bytes: Buffer): ReadHeader | 'more' | 'none' {
  if (isStartOf(bytes, proxySignature)) return readBytes(bytes)
  return isStartOf(bytes, Buffer.from('PROXY ', 'latin1')) ? readLine(bytes) : 'none'
}

function isStartOf(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length)
  return bytes.subarray(0, length).equals(start.subarray(0, length))
}

function readLine(bytes: Buffer): ReadHeader | 'more' | 'none' {
  const end = bytes.subarray(0, longestLine).indexOf('\r\n')
  if (end === -1) return bytes.length < longestLine ? 'more' : 'none'
  const line = bytes.toString('latin1', 0, end)
  const length = end + 2
  if (/^PROXY UNKNOWN(?: [\x20-\x7e]*)?$/.test(line)) return { length, source: null }
  const [, family, address = '', other = '', port, otherPort] =
    /^PROXY (TCP[46]) ([\da-fA-F.:]+) ([\da-fA-F.:]+) (\d{1,5}) (\d{1,5})$/.exec(line) ?? []
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6
  const isWhole = isAddress(address) && isAddress(other) && Number(port) <= 65_535 && Number(otherPort) <= 65_535
  return isWhole ? { length, source: { address, port: Number(port) } } : 'none'
}

function readBytes(bytes: Buffer): ReadHeader | 'more' | 'none' {
  if (bytes.length < fixedBytes) return 'more'
  const [versionAndCommand = 0, familyAndKind = 0] = bytes.subarray(12)
  const length = fixedBytes + bytes.readUInt16BE(14)
  const isProxied = versionAndCommand === 0x21
  if ((!isProxied && versionAndCommand !== 0x20) || length > mostBytes) return 'none'
  if (bytes.length < length) return 'more'
  const ends = Object.values(over).find(({ family }) => familyAndKind === family * 16 + stream)
  // What it speaks for may be no TCP connection, or one that it made itself.
  if (!isProxied || ends === undefined) return { length, source: null }
  if (length < fixedBytes + 2 * ends.bytes + 4) return 'none'
  const address = textOf(bytes.subarray(fixedBytes, fixedBytes + ends.bytes))
  return { length, source: { address, port: bytes.readUInt16BE(fixedBytes + 2 * ends.bytes) } }
}

/** An IPv4 address that is written as one of IPv6 is one of IPv4. */
function textOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.subarray(0, mapped.length).equals(mapped)) return bytes.subarray(mapped.length).join('.')
  return Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(':')
}

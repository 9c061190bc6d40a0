import { readFile } from 'node:fs/promises'
import { isIPv4, isIPv6 } from 'node:net'
import { addressBytes } from './proxy-header.ts'

const listening = '0A'

/**
 * How many sockets of this host listen at an address: several (SO_REUSEPORT) may be several masters, each with a
 * certificate of its own. 0: none is known here: a name, a Unix socket, another host or network namespace (proc_net(5)).
 */
export async function countListening(host: string, port: number): Promise<number> {
  if (!isIPv4(host) && !isIPv6(host)) return 0
  const [ipv4, ipv6] = await Promise.all([isIPv4(host) ? listenersAt('tcp', port) : [], listenersAt('tcp6', port)])
  // The kernel prefers the socket that is bound to this very address.
  const preferred = [
    isIPv4(host) ? count(ipv4, asTableWrites(host)) : count(ipv6, asTableWrites(host)),
    count(ipv4, '0'.repeat(8)),
    count(ipv6, '0'.repeat(32)),
  ]
  return preferred.find((sockets) => sockets > 0) ?? 0
}

function count(addresses: readonly string[], wanted: string): number {
  return addresses.filter((address) => address === wanted).length
}

/** The local addresses of the sockets that listen at this port. */
async function listenersAt(table: 'tcp' | 'tcp6', port: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/self/net/${table}`, 'latin1').catch(() => '')
  const suffix = `:${hex(port, 4)}`
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    return state === listening && local.endsWith(suffix) ? [local.slice(0, -suffix.length)] : []
  })
}

/** Hexadecimal words of 32 bits, as this machine has them in memory. */
function asTableWrites(address: string): string {
  const bytes = addressBytes(address)
  const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
  const words = Array.from({ length: bytes.length / 4 }, (_, index) =>
    isLittleEndian ? bytes.readUInt32LE(index * 4) : bytes.readUInt32BE(index * 4),
  )
  return words.map((word) => hex(word, 8)).join('')
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0')
}

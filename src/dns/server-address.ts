import { isAddressOrNetwork } from '../host/socket/address-set.ts'
import type { DnsServer } from '../host/socket/dns-exchange.ts'

const withPort = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/

/** `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; port 53 where none is written. Null: it is none of these. */
export function parseServer(text: string): DnsServer | null {
  const [, bracketed, plain, written = '53'] = withPort.exec(text) ?? []
  const address = bracketed ?? plain ?? text
  const port = Number(bracketed === undefined && plain === undefined ? '53' : written)
  if (address.includes('/') || !isAddressOrNetwork(address)) return null
  return port >= 1 && port <= 65535 ? { address, port } : null
}

/** `ADDRESS`, with the port where it is not 53: for people. */
export function writeServer({ address, port }: DnsServer): string {
  if (port === 53) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** Whether nobody is on the way to it: what it says of DNSSEC can be believed. */
export function isOnLoopback({ address }: DnsServer): boolean {
  return /^127\.\d+\.\d+\.\d+$/.test(address) || address === '::1'
}

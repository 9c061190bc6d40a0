import { isIPv4, isIPv6 } from 'node:net'
import { addressBytes } from './proxy-header.ts'

/**
 * What counts as one caller: an IPv4 address, also where it is written as one of IPv6; of IPv6 the /64, however it is written, for
 * one host has a whole one to call from. Empty: the connection is gone, and nobody knows any more.
 */
export function networkOf(address: string | undefined): string {
  const [plain = ''] = (address ?? '').split('%')
  if (!isIPv6(plain)) return isIPv4(plain) ? plain : ''
  const hex = addressBytes(plain).toString('hex')
  return hex.startsWith('00000000000000000000ffff') ? Buffer.from(hex.slice(24), 'hex').join('.') : hex.slice(0, 16)
}

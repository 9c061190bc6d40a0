import { BlockList, isIP } from 'node:net'

/** Addresses, some of them as networks. */
export interface AddressSet {
  /** An IPv4 address that is written as one of IPv6 counts as what it is. */
  has(address: string): boolean
}

/** Whether this is an address, or a network as `10.1.0.0/16`. */
export function isAddressOrNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest)
  return longest > 0 && isLength && more.length === 0
}

/** Of texts that are all addresses or networks. */
export function addressSet(texts: readonly string[]): AddressSet {
  const list = new BlockList()
  for (const text of texts) {
    const [address = '', bits] = text.split('/')
    if (bits === undefined) list.addAddress(address, kindOf(address))
    else list.addSubnet(address, Number(bits), kindOf(address))
  }
  return {
    has: (address) => {
      const [plain = ''] = address.split('%')
      return isIP(plain) > 0 && list.check(plain, kindOf(plain))
    },
  }
}

function kindOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}

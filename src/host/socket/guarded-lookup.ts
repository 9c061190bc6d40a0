import { type LookupAddress, lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { addressSet } from './address-set.ts'

/** Addresses of this machine, of private and local networks, and of nobody (RFC 6890). */
const innerIpv4 = (
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/4 ' +
  '240.0.0.0/4'
).split(' ')
/** The same behind a translator of the network (NAT64, RFC 6052), which may do what it is asked to. */
const translated = innerIpv4.map((network) => {
  const [address = '', bits] = network.split('/')
  return `64:ff9b::${address}/${96 + Number(bits)}`
})
const innerIpv6 = '::/127 64:ff9b:1::/48 fc00::/7 fe80::/10 fec0::/10 ff00::/8'.split(' ')
const inner = addressSet([...innerIpv4, ...translated, ...innerIpv6])

/** Whether this is an address of the Internet, in the common form. */
export function isPublicAddress(address: string): boolean {
  return isIP(address) > 0 && !inner.has(address)
}

/** Of all addresses of a host those that may be connected to. */
export type JudgeAddresses = (host: string, addresses: readonly string[]) => readonly string[]

/** The system's resolver, with what `usable` leaves of a host's addresses. The address that was judged is the one that is used. */
export function guardedLookup(usable: JudgeAddresses): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) {
        callback(error, [])
        return
      }
      const judged = usable(
        host,
        found.map(({ address }) => address),
      )
      const allowed = found.filter(({ address }) => judged.includes(address))
      answer(allowed, options, callback)
    })
  }
}

/** Answers with these addresses, whatever the name. */
export function lookupOf(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_, options, callback) => answer(found, options, callback)
}

type Asked = Parameters<LookupFunction>

function answer(found: LookupAddress[], { all }: Asked[1], callback: Asked[2]): void {
  const [first] = found
  if (first === undefined) callback(notAllowed(), [])
  else if (all === true) callback(null, found)
  else callback(null, first.address, first.family)
}

function notAllowed(): NodeJS.ErrnoException {
  return Object.assign(new Error('the name has addresses of inner networks alone'), { code: 'EINNER' })
}

import { ipv6Address } from '../wiring/sockets.ts'
import { unknownVariable } from './parse-config.ts'

/** A `bind` of HAProxy. */
export interface Bind {
  readonly isTls: boolean
  /** As sockets have them; those that cannot be met from outside of HAProxy are left out. */
  readonly places: readonly { readonly address: string; readonly port: number }[]
  /** `crt` and `crt-list`, in their order. */
  readonly loads: readonly { readonly kind: 'crt' | 'crt-list'; readonly path: string }[]
  readonly wantsHeader: boolean
  readonly isStrict: boolean
  /** It makes certificates of its own. */
  readonly isForging: boolean
  /** An address or a port is told by its environment. */
  readonly isUnknown: boolean
}

const mostPorts = 256

/** The words of a `bind`. */
export function readBind([, where = '', ...words]: readonly string[]): Bind {
  const addresses = where.split(',')
  const both = words.includes('v4v6') || !words.includes('v6only')
  const isElsewhere = words.some((word) => word === 'namespace' || word === 'interface')
  return {
    isTls: words.includes('ssl'),
    places: isElsewhere ? [] : addresses.flatMap((address) => placesOf(address, both)),
    // Since 3.0 the certificate of all other names can have a word of its own.
    loads: [...loadsOf(words, 'default-crt'), ...loadsOf(words, 'crt', 'crt-list')],
    wantsHeader: words.includes('accept-proxy'),
    isStrict: words.includes('strict-sni'),
    isForging: words.includes('generate-certificates'),
    isUnknown: where.includes(unknownVariable),
  }
}

function loadsOf(words: readonly string[], ...kinds: readonly string[]): Bind['loads'] {
  return words.flatMap((word, index) => {
    const path = words[index + 1]
    if (path === undefined || !kinds.includes(word)) return []
    return [{ kind: word === 'crt-list' ? word : 'crt', path }]
  })
}

/** `:443`, `*:443`, `[::1]:443`, `:::443`, `ipv6@:443`, `/run/haproxy.sock`; the address is all before the last colon. */
function placesOf(text: string, both: boolean): Bind['places'] {
  const [, family = '', rest = ''] = /^(?:(\w+)@)?(.*)$/s.exec(text) ?? []
  if (family === 'unix' || rest.startsWith('/')) return rest.startsWith('/') ? [{ address: rest, port: 0 }] : []
  if (!['', 'ipv4', 'ipv6', 'tcp', 'tcp4', 'tcp6'].includes(family)) return []
  const [, host = '', first = '', last = first] = /^(.*):(\d+)(?:-(\d+))?$/s.exec(rest) ?? []
  const count = Math.min(Number(last) - Number(first) + 1, mostPorts)
  if (first === '' || !(count > 0)) return []
  const address = addressOf(host.replace(/^\[(.*)\]$/, '$1'), family, both)
  return Array.from({ length: count }, (_, index) => ({ address, port: Number(first) + index }))
}

/** Linux gives a socket on `::` the IPv4 addresses as well, where it is not told otherwise. */
function addressOf(host: string, family: string, both: boolean): string {
  const isAny = host === '' || host === '*'
  if (host === '::' || (isAny && family.endsWith('6'))) return both ? 'all' : '::'
  if (isAny || host === '0.0.0.0') return '*'
  // It takes the IPv4 address of a name where there is one.
  if (host.toLowerCase() === 'localhost') return family.endsWith('6') ? '::1' : '127.0.0.1'
  return ipv6Address(host) ?? host.toLowerCase()
}

import type { HostView } from '../host-view.ts'
import { type Listener, loopbacksOf, type WiredFile, type Wiring } from './wiring.ts'

/** Who answers on a socket for one name, and what it reads. */
export interface Reader {
  /** As a listener's; `*.example.net`: any name below it. */
  readonly servername: string | null
  readonly files: readonly WiredFile[]
  readonly doubt?: string
}

/** A TLS socket as a daemon's settings have it. */
export interface Socket extends Pick<Listener, 'name' | 'port' | 'protocol' | 'proxy'> {
  /**
   * `*`: each IPv4 address; `::`: each IPv6 one; `all`: both; `localhost`: 127.0.0.1, and `::1` where hosts(5) has it so; else an
   * address, a name, or the path of a Unix socket.
   */
  readonly address: string
  /** Why what it shows to this host proves nothing of its files, in a sentence; left out: it proves them. */
  readonly unproven?: string
  /** Of two with one name the first answers. */
  readonly readers: readonly Reader[]
}

/** What more the settings say. */
export interface Beside {
  /** Files that are named for other connections. */
  readonly named: readonly string[]
  readonly doubts: readonly string[]
}

/** No settings of a host that people run need more; each listener can become a handshake. */
const mostListeners = 20_000

/**
 * The wiring of these sockets. One on all addresses is met at a loopback address that has no socket of its own on that port:
 * whoever listens on 127.0.0.1 alone takes its connections. An address that the host does not have now is not met.
 */
export async function wiringOf(sockets: readonly Socket[], beside: Beside, host: HostView): Promise<Wiring> {
  const [loopbacks, own] = await Promise.all([loopbacksOf(host), addressesOf(host)])
  const listeners: Listener[] = []
  const doubts = new Set(beside.doubts)
  for (const socket of sockets) {
    const met = metAt(socket, sockets, loopbacks, own)
    for (const address of met) listeners.push(...listenersAt(withDoubt(socket, sockets), address))
    if (listeners.length > mostListeners) {
      doubts.add('It has more names and listeners than are looked at.')
      break
    }
  }
  const read = sockets.flatMap(({ readers }) => readers.flatMap(({ files }) => files.map(({ path }) => path)))
  for (const { doubt } of sockets.flatMap(({ readers }) => readers)) if (doubt !== undefined) doubts.add(doubt)
  return {
    listeners: listeners.slice(0, mostListeners),
    maps: [],
    named: [...new Set([...read, ...beside.named])],
    doubts: [...doubts],
  }
}

function listenersAt({ name, port, protocol, proxy, unproven, readers }: Socket, host: string): readonly Listener[] {
  const socket = { name, host, port, protocol, ...(proxy === undefined ? {} : { proxy }) }
  const names = new Map(readers.toReversed().map((reader) => [reader.servername, reader]))
  return [...names.values()]
    .toReversed()
    .filter(({ files }) => files.length > 0)
    .map((reader) => ({
      ...socket,
      ...reader,
      ...(unproven === undefined ? {} : { doubt: reader.doubt ?? unproven, unproven: true }),
    }))
}

const nameAmongPlaces =
  'It listens on a name and on other addresses of the same port, and who answers where depends on what the name is.'

/** A name may be any of the other addresses of its port; beside one on all addresses it has its own connections. */
function withDoubt(socket: Socket, sockets: readonly Socket[]): Socket {
  const others = sockets.filter(({ port, address }) => port === socket.port && address !== socket.address)
  const isDoubtful = isName(socket.address)
    ? others.some(({ address }) => !['*', '::', 'all'].includes(address))
    : others.some(({ address }) => isName(address))
  return isDoubtful ? { unproven: nameAmongPlaces, ...socket } : socket
}

/** Whether it is a name that only the host's resolver knows an address of. */
export function isName(address: string): boolean {
  return !['*', '::', 'all', 'localhost'].includes(address) && !/^[\d.]+$|[:/]/.test(address)
}

/** `localhost` and the address that it is at least are one. */
export function plainAddress(address: string): string {
  return address === 'localhost' ? '127.0.0.1' : address
}

const ipv4Loopbacks = Array.from({ length: 16 }, (_, index) => `127.0.0.${index + 1}`)

function metAt(
  { address, port }: Socket,
  sockets: readonly Socket[],
  loopbacks: readonly string[],
  own: ReadonlySet<string> | null,
): readonly string[] {
  const beside = sockets.filter((other) => other.port === port).map((other) => other.address)
  const taken = new Set(beside.flatMap((other) => (other === 'localhost' ? ['127.0.0.1', '::1'] : [other])))
  const free = (candidates: readonly string[]): readonly string[] =>
    candidates.filter((candidate) => !taken.has(candidate)).slice(0, 1)
  const ipv4 = free(ipv4Loopbacks)
  const ipv6 = loopbacks.includes('::1') ? free(['::1', ...[...(own ?? [])].filter((one) => one.includes(':'))]) : []
  if (address === '*') return ipv4
  if (address === '::') return ipv6
  // Of a socket on both and one on IPv4 alone, the kernel takes the second for IPv4.
  if (address === 'all') return taken.has('*') ? ipv6 : [...ipv4, ...ipv6]
  if (address.startsWith('/')) return /^(\/var)?\/run\//.test(address) ? [address] : []
  if (own === null || address === 'localhost' || isName(address)) return [plainAddress(address)]
  return own.has(address) || address.startsWith('127.') ? [address] : []
}

/** The addresses of this host, by proc_net(5); link-local ones are met by no address alone. Null: they cannot be told. */
async function addressesOf(host: HostView): Promise<ReadonlySet<string> | null> {
  const [ipv4, ipv6] = await Promise.all(
    ['/proc/self/net/fib_trie', '/proc/self/net/if_inet6'].map((file) => host.readFile(file).catch(() => null)),
  )
  if (ipv4 === null || ipv4 === undefined) return null
  const decoder = new TextDecoder()
  const local = decoder.decode(ipv4).matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL/g)
  const six = decoder
    .decode(ipv6 ?? new Uint8Array())
    .matchAll(
      /^(?!fe[89ab])([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4}) /gm,
    )
  return new Set([
    ...[...local].map(([, address = '']) => address),
    ...[...six].map(([, ...groups]) => ipv6Address(groups.join(':')) ?? ''),
  ])
}

/** The one way to write this IPv6 address (RFC 5952); null: it is none. */
export function ipv6Address(text: string): string | null {
  return URL.canParse(`http://[${text}]/`) ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : null
}

/** A pair at one place in two lists; a certificate without a key has it in its own file. */
export function wiredPair(certificate: string, key: string | undefined): readonly WiredFile[] {
  if (key === undefined || key === certificate) return [{ path: certificate, role: 'bundle' }]
  return [
    { path: certificate, role: 'certificate' },
    { path: key, role: 'key' },
  ]
}

/** Whether a client can ask for it by SNI (RFC 6066 §3), or for any name below `*.`. */
export function isAskable(name: string): boolean {
  return /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(name) && name !== '_' && !/^[\d.]+$/.test(name)
}

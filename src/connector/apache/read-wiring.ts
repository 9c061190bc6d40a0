import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import { isInNetwork } from '../wiring/address-in.ts'
import {
  ipv6Address,
  isAskable,
  isName,
  plainAddress,
  type Reader,
  type Socket,
  wiredPair,
  wiringOf,
} from '../wiring/sockets.ts'
import { isWhole, type Unwired, unwiredBy, type Wiring } from '../wiring/wiring.ts'
import { otherModules } from './other-modules.ts'
import { type ApacheDump, parseApacheDump } from './parse-dump.ts'
import { readServer, type Server } from './read-server.ts'

const dump = ['-t', '-D', 'DUMP_CONFIG', '-D', 'DUMP_RUN_CFG'] as const
/** What prints the configuration; Debian does not enable it, and it changes nothing of the server that runs. */
const withInfo = ['-C', 'LoadModule info_module /usr/lib/apache2/modules/mod_info.so'] as const

/** What Apache reads for each TLS listener. Apache itself is asked: it knows its includes, macros, variables and conditions. */
export async function readApacheWiring(host: HostView, program: Command): Promise<Wiring | Unwired> {
  const asked = await host.run([...program, ...withInfo, ...dump])
  if (!isWhole(asked)) return unwiredBy('apache', asked)
  const told = parseApacheDump(asked.stdout)
  if (told === null)
    return {
      listeners: [],
      maps: [],
      named: [],
      doubts: ['Apache does not print its configuration: it has no mod_info.'],
    }
  const servers = told.servers.map((server) => readServer(server, told))
  const { named, doubts } = otherModules(told)
  return wiringOf(
    socketsOf(told, servers),
    { named: [...servers.flatMap((server) => server.named), ...named], doubts },
    host,
  )
}

interface Listen {
  readonly address: string
  readonly port: number
  readonly isHttps: boolean
}

/** `443`, `192.0.2.1:443`, `[::]:443 https`; port 443 is HTTPS where nothing else is said. */
function listensOf({ servers }: ApacheDump): readonly Listen[] {
  const args = servers.flatMap(({ directives }) =>
    directives.flatMap(({ name, args }) => (name === 'listen' ? [args] : [])),
  )
  return args.flatMap(([where = '', scheme]) => {
    const [, host = '*', digits = ''] = /^(?:(.*):)?(\d+)$/.exec(where) ?? []
    const port = Number(digits)
    if (!(port > 0 && port < 65_536)) return []
    const address = host === '*' ? 'all' : addressOf(host)
    const isHttps = (scheme ?? (port === 443 ? 'https' : 'http')).toLowerCase() === 'https'
    // It takes IPv4 connections on an IPv6 socket, as Debian and others build it.
    return [{ address: address === '::' ? 'all' : address === '0.0.0.0' ? '*' : address, port, isHttps }]
  })
}

function addressOf(text: string): string {
  const inner = text.replace(/^\[(.*)\]$/, '$1')
  return ipv6Address(inner) ?? inner.toLowerCase()
}

/** An address of `<VirtualHost>`; null: any. */
interface Place {
  readonly address: string | null
  /** As it is written: `localhost` and its address are one address. */
  readonly written: string | null
  readonly port: number | null
  readonly server: Server
}

function placesOf(server: Server): readonly Place[] {
  return (server.addresses ?? []).map((text) => {
    const [, host = '', digits] = /^(\[[^\]]*\]|[^:]*)(?::(\d+|\*))?$/.exec(text) ?? []
    const written = host === '*' || host.toLowerCase() === '_default_' ? null : addressOf(host)
    return {
      address: written && plainAddress(written),
      written,
      port: digits === undefined || digits === '*' ? null : Number(digits),
      server,
    }
  })
}

/** A server of one address has all connections to it; one of any address has what is left, and the main server the rest. */
function socketsOf(told: ApacheDump, servers: readonly Server[]): readonly Socket[] {
  const [main] = servers
  if (main === undefined) return []
  const places = servers.flatMap(placesOf)
  return listensOf(told).flatMap((listen) => {
    const own = places.filter(({ port }) => (port ?? listen.port) === listen.port).map(({ written }) => written)
    const taken = own.flatMap((address) => (address !== null && takes(listen, address) ? [address] : []))
    return distinct([...taken, listen.address]).map((address) =>
      socketOf(listen, address, chainOf(places, listen.port, plainAddress(address)), main),
    )
  })
}

/** What a name is, only the host's resolver knows: it may be the address. */
function takes({ address }: Listen, other: string): boolean {
  if (address === 'all' || isName(other) || plainAddress(address) === plainAddress(other)) return true
  return address === '*' && !other.includes(':')
}

/** `localhost` and its address are one. */
function distinct(addresses: readonly string[]): readonly string[] {
  const isNamed = addresses.includes('localhost')
  return [...new Set(addresses.map((one) => (isNamed && plainAddress(one) === '127.0.0.1' ? 'localhost' : one)))]
}

/** The servers that share an address and port, in their order: those of the first that fits. */
function chainOf(places: readonly Place[], port: number, at: string): readonly Server[] {
  const fits = places.filter((place) => (place.port ?? port) === port)
  const first = fits.find(({ address }) => address === at) ?? fits.find(({ address }) => address === null)
  return fits
    .filter((place) => place.address === first?.address && place.port === first.port)
    .map(({ server }) => server)
}

/** Whether TLS is spoken is decided before a name is heard: by the first server. */
function socketOf({ port, isHttps }: Listen, address: string, chain: readonly Server[], main: Server): Socket {
  const all = chain.length === 0 ? [main] : chain
  const speaksTls = ({ isTls }: Server): boolean => isTls ?? main.isTls ?? isHttps
  const wantsHeader = main.wantsHeader || all.some((server) => server.wantsHeader)
  const proxy = wantsHeader ? ({ proxy: 1 } as const) : {}
  const isSpared =
    wantsHeader && [main, ...all].some(({ exceptions }) => exceptions.some((one) => isHere(one, address)))
  const unproven = isSpared ? { unproven: 'Apache spares some hosts the PROXY header, and this host may be one.' } : {}
  const [usual = main] = all
  const readers = speaksTls(usual) ? readersOf(all.filter(speaksTls), main) : []
  return { name: 'https', address, port, protocol: 'tls', ...proxy, ...unproven, readers }
}

/** Whether who looks at a socket on this address from this host may be in a network; one that is cut short (`10.1`) is not told apart. */
function isHere(network: string, address: string): boolean {
  if (!/^(\d+(\.\d+){3}|[\da-f:.]*:[\da-f:.]*)(\/\d{1,3})?$/i.test(network)) return true
  return ['127.0.0.1', '::1', address].some((own) => isInNetwork(own, network))
}

/** Of the servers of a socket, the first with a name or pattern that fits answers to it. */
function readersOf(servers: readonly Server[], main: Server): readonly Reader[] {
  const readerOf = (server: Server, servername: string | null): Reader => {
    const certificates = inherited(server.certificates, main.certificates)
    const keys = inherited(server.keys, main.keys)
    const doubt = [...certificates, ...keys].includes(null)
      ? { doubt: 'Apache has a certificate or a key in an engine, which no file renews.' }
      : {}
    const files = certificates.flatMap((certificate, index) => {
      const key = keys[index]
      if (certificate === null) return []
      return key === null ? [{ path: certificate, role: 'certificate' } as const] : wiredPair(certificate, key)
    })
    return { servername, files, ...doubt }
  }
  const [usual] = servers
  if (usual === undefined) return []
  const names = servers.flatMap((server) => server.names).filter(isAskable)
  return [
    readerOf(usual, null),
    ...names.flatMap((name) => {
      const server = servers.find(({ patterns }) => patterns.some((pattern) => pattern.test(name)))
      return server === undefined ? [] : [readerOf(server, name)]
    }),
  ]
}

/** The first of a server takes the place of the first of the main server, and so on. */
function inherited<T>(own: readonly T[], main: readonly T[]): readonly T[] {
  return [...own, ...main.slice(own.length)]
}

import type { HostView } from '../connector.ts'
import {
  isWhole,
  type Listener,
  loopbacksOf,
  reachable,
  type Unwired,
  unwiredBy,
  type WiredFile,
  type Wiring,
} from '../wiring.ts'

const options = [
  'tls_certificate',
  'tls_privatekey',
  'tls_advertise_hosts',
  'daemon_smtp_ports',
  'tls_on_connect_ports',
  'local_interfaces',
  'disable_ipv6',
] as const

type Settings = Readonly<Record<(typeof options)[number], string>>

/**
 * What Exim reads for each listener, by `exim4 -bP`. A path that Exim expands for each
 * connection (`${if …}`) is not known, and neither are ports given on its command line.
 */
export async function readEximWiring(host: HostView, configFile: string | null): Promise<Wiring | Unwired> {
  const instance = configFile === null ? [] : ['-C', configFile]
  const [asked, loopbacks] = await Promise.all([host.run(['exim4', ...instance, '-bP', ...options]), loopbacksOf(host)])
  return isWhole(asked) ? wiringOf(parseSettings(asked.stdout), loopbacks) : unwiredBy('exim4', asked)
}

/** Lines of `name = value`; one that is off is printed without a value, a switch that is on by its name alone. */
function parseSettings(text: string): Settings {
  const values = new Map(
    text.split('\n').map((line) => {
      const [name = '', ...value] = line.split('=')
      return [name.trim(), value.length === 0 ? 'yes' : value.join('=').trim()] as const
    }),
  )
  return Object.fromEntries(options.map((name) => [name, values.get(name) ?? ''])) as unknown as Settings
}

function wiringOf(settings: Settings, loopbacks: readonly string[]): Wiring {
  const files = filesOf(settings)
  if (files === null)
    return { listeners: [], maps: [], named: [], doubts: ['Exim makes the path of its pair anew for each connection.'] }
  const wrapped = listOf(settings.tls_on_connect_ports).map(portOf)
  const listeners = socketsOf(settings, loopbacks).flatMap(({ host, port }): readonly Listener[] => {
    const isWrapped = wrapped.includes(port)
    if (files.length === 0 || (!isWrapped && settings.tls_advertise_hosts === '')) return []
    const protocol = isWrapped ? 'tls' : 'smtp'
    return [{ name: String(port), host, port, protocol, servername: null, files }]
  })
  return { listeners, maps: [], named: files.map(({ path }) => path), doubts: [] }
}

/** Null: only Exim itself can expand them. Without a key option, the key is in the certificate's file. */
function filesOf({ tls_certificate: certificate, tls_privatekey: key }: Settings): readonly WiredFile[] | null {
  if (certificate === '') return []
  if (![certificate, key || certificate].every((path) => /^\/[^$]+$/.test(path))) return null
  if (key === '' || key === certificate) return [{ path: certificate, role: 'bundle' }]
  return [
    { path: certificate, role: 'certificate' },
    { path: key, role: 'key' },
  ]
}

/** `[ADDRESS]:PORT`, `192.0.2.1.PORT` or a bare address, which listens on each of the daemon's ports. */
function socketsOf(settings: Settings, loopbacks: readonly string[]): readonly Pick<Listener, 'host' | 'port'>[] {
  const isIpv4Only = settings.disable_ipv6 === 'yes'
  const usual = listOf(settings.daemon_smtp_ports || 'smtp').map(portOf)
  const sockets = listOf(settings.local_interfaces || '<; ::0 ; 0.0.0.0').flatMap((entry) => {
    const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry) ?? /^(\d+(?:\.\d+){3})\.(\d+)$/.exec(entry)
    const [, address = entry, port] = match ?? []
    const ports = port === undefined ? usual : [Number(port)]
    return ports.map((own) => ({ address: address.replace(/^::0$/, '::'), port: own }))
  })
  const ports = new Set(sockets.map(({ port }) => port).filter((port) => port > 0 && port < 65_536))
  return [...ports].flatMap((port) => {
    const addresses = sockets.filter((socket) => socket.port === port).map(({ address }) => address)
    const hosts = reachable(addresses, loopbacks)
    return hosts.filter((host) => !isIpv4Only || !host.includes(':')).map((host) => ({ host, port }))
  })
}

/** A list by the specification of Exim, chapter 6: colons, doubled where one is meant, or `<;` and the separator of one's own. */
function listOf(text: string): readonly string[] {
  const own = /^<(\S)/.exec(text)?.[1]
  const entries =
    own === undefined
      ? text.split(/(?<!:):(?!:)/).map((entry) => entry.replaceAll('::', ':'))
      : text.slice(2).split(own)
  return entries.map((entry) => entry.trim()).filter((entry) => entry !== '')
}

const known: Readonly<Record<string, number>> = { smtp: 25, smtps: 465, ssmtp: 465, submissions: 465, submission: 587 }

function portOf(name: string): number {
  return known[name] ?? Number(name)
}

import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import { portOf } from '../wiring/port-of.ts'
import {
  isWhole,
  type Listener,
  loopbacksOf,
  reachable,
  type Unwired,
  unwiredBy,
  type Wiring,
} from '../wiring/wiring.ts'
import { type EximFiles, filesOf } from './files-of.ts'
import { hasHost, listOf } from './list-of.ts'

const options = [
  'tls_certificate',
  'tls_privatekey',
  'tls_advertise_hosts',
  'daemon_smtp_ports',
  'tls_on_connect_ports',
  'local_interfaces',
  'disable_ipv6',
] as const

type Settings = Readonly<Record<(typeof options)[number] | 'hosts_proxy', string>>

interface Surroundings {
  readonly loopbacks: readonly string[]
  /** services(5) */
  readonly services: Uint8Array | null
}

/** What Exim reads for each listener, by `exim4 -bP`, which puts macros in. Ports given on its command line are not known. */
export async function readEximWiring(host: HostView, configFile: string | null): Promise<Wiring | Unwired> {
  const exim: Command = configFile === null ? ['exim4'] : ['exim4', '-C', configFile]
  const [asked, proxied, loopbacks, services] = await Promise.all([
    host.run([...exim, '-bP', ...options]),
    // Built without the PROXY protocol, Exim does not know this one, and fails.
    host.run([...exim, '-bP', 'hosts_proxy']),
    loopbacksOf(host),
    host.readFile('/etc/services').catch(() => null),
  ])
  if (!isWhole(asked)) return unwiredBy('exim4', asked)
  const settings = parseSettings(asked.stdout + (isWhole(proxied) ? proxied.stdout : ''))
  return wiringOf(settings, await filesOf(host, exim, settings), { loopbacks, services })
}

/** Lines of `name = value`; one that is off is printed without a value, a switch that is on by its name alone. */
function parseSettings(text: string): Settings {
  const values = new Map(
    text.split('\n').map((line) => {
      const [name = '', ...value] = line.split('=')
      return [name.trim(), value.length === 0 ? 'yes' : value.join('=').trim()] as const
    }),
  )
  return Object.fromEntries(
    [...options, 'hosts_proxy'].map((name) => [name, values.get(name) ?? '']),
  ) as unknown as Settings
}

function wiringOf(settings: Settings, { files, doubt, isDefault }: EximFiles, around: Surroundings): Wiring {
  const wrapped = listOf(settings.tls_on_connect_ports).map((name) => portOf(name, around.services))
  const listeners = socketsOf(settings, around).flatMap(({ host, port }): readonly Listener[] => {
    const isWrapped = wrapped.includes(port)
    if (!isWrapped && listOf(settings.tls_advertise_hosts).length === 0) return []
    const isProxied = hasHost(settings.hosts_proxy, host)
    const doubts = [
      ...(isDefault || doubt === null ? [] : [doubt]),
      ...(isWrapped || hasHost(settings.tls_advertise_hosts, host) === true
        ? []
        : [`Whether ${host} is offered STARTTLS is left open by tls_advertise_hosts.`]),
      ...(isProxied === null ? [`Whether ${host} is to send the PROXY header is left open by hosts_proxy.`] : []),
    ]
    const facts = {
      ...(isProxied === true ? { proxy: 1 as const } : {}),
      ...(doubts.length === 0 ? {} : { doubt: doubts.join(' ') }),
    }
    return [{ name: String(port), host, port, protocol: isWrapped ? 'tls' : 'smtp', servername: null, files, ...facts }]
  })
  // A certificate of its own making is no file that could be another one.
  const doubts = doubt === null || settings.tls_certificate === '' ? [] : [doubt]
  return { listeners, maps: [], named: files.map(({ path }) => path), doubts }
}

/** `[ADDRESS]:PORT`, `192.0.2.1.PORT`, `2001:db8::1.PORT` or a bare address, which listens on each of the daemon's ports. */
function socketsOf(
  settings: Settings,
  { loopbacks, services }: Surroundings,
): readonly Pick<Listener, 'host' | 'port'>[] {
  const isIpv4Only = settings.disable_ipv6 === 'yes'
  const usual = listOf(settings.daemon_smtp_ports || 'smtp').map((name) => portOf(name, services))
  const sockets = listOf(settings.local_interfaces || '<; ::0 ; 0.0.0.0').flatMap((entry) => {
    const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry) ?? /^(\d+(?:\.\d+){3}|[^.]*:[^.]*)\.(\d+)$/.exec(entry)
    const [, address = entry, port] = match ?? []
    const ports = port === undefined ? usual : [portOf(port, null)]
    return ports.map((own) => ({ address, port: own }))
  })
  const ports = new Set(sockets.flatMap(({ port }) => (port === null ? [] : [port])))
  return [...ports].flatMap((port) => {
    const addresses = sockets.filter((socket) => socket.port === port).map(({ address }) => address)
    const hosts = reachable(addresses, loopbacks)
    return hosts.filter((host) => !isIpv4Only || !host.includes(':')).map((host) => ({ host, port }))
  })
}

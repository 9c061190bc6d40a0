import type { Command, ProbeProtocol } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import { isInNetwork } from '../wiring/address-in.ts'
import {
  isWhole,
  type Listener,
  loopbacksOf,
  reachable,
  type Unwired,
  unwiredBy,
  type Wiring,
} from '../wiring/wiring.ts'
import { materialOf, type NamedMaterial, relativePathsIn } from './files-of.ts'
import { parseSettings, type SettingsBlock } from './parse-settings.ts'
import { absolutePaths } from './settings-folders.ts'
import { isYes, localAddressesOf, ownValues, servernamesOf, speaksTls, valuesFor } from './values-for.ts'

interface TlsService {
  /** Its name in `protocols`; null: it runs whatever that says. */
  readonly protocol: string | null
  /** What its clear-text ports speak before TLS; null: nothing that can be looked at. */
  readonly speaks: ProbeProtocol | null
  /** Left out: it shows the pair of the name that it is asked for. Seen with 2.3.19 and 2.4.1. */
  readonly asksNoName?: 'ever' | 'before 2.4'
}

/** The services that have ports for TLS. */
const services: Readonly<Record<string, TlsService>> = {
  'imap-login': { protocol: 'imap', speaks: 'imap' },
  'pop3-login': { protocol: 'pop3', speaks: 'pop3' },
  'managesieve-login': { protocol: 'sieve', speaks: 'sieve' },
  'submission-login': { protocol: 'submission', speaks: 'smtp' },
  lmtp: { protocol: 'lmtp', speaks: 'lmtp', asksNoName: 'before 2.4' },
  doveadm: { protocol: null, speaks: null, asksNoName: 'ever' },
}

/** What Dovecot reads for each TLS listener, by doveconf(1), 2.3 and 2.4. */
export async function readDovecotWiring(host: HostView, configFile: string | null): Promise<Wiring | Unwired> {
  const doveconf = (...args: string[]): Command =>
    configFile === null ? ['doveconf', ...args] : ['doveconf', '-c', configFile, ...args]
  // -P shows that a key is in a file, as `</path`; without -x the file is not read into the answer.
  const [asked, loopbacks] = await Promise.all([host.run(doveconf('-P', '-a')), loopbacksOf(host)])
  if (!isWhole(asked)) return unwiredBy('doveconf', asked)
  const settings = parseSettings(asked.stdout)
  // Among all settings, 2.4 prints no listener, port or `ssl = yes` that is a default.
  const listening = tellsEveryService(asked.stdout, settings) ? null : await host.run(doveconf('service'))
  if (listening !== null && !isWhole(listening)) return unwiredBy('doveconf', listening)
  const daemons = listening === null ? settings : parseSettings(listening.stdout)
  const main = configFile ?? /^# \S+ \(\S+\): (\/\S+)$/m.exec(asked.stdout)?.[1] ?? null
  const found = await absolutePaths(host, main, everyValue(settings).flatMap(relativePathsIn))
  const absolute = (path: string): string | null => (path.startsWith('/') ? path : (found.get(path) ?? null))
  return wiringOf(settings, daemons, loopbacks, absolute)
}

/** All settings of 2.3 have its services with their defaults, as `doveconf service` prints them (compared with 2.3.19). */
function tellsEveryService(stdout: string, { blocks }: SettingsBlock): boolean {
  return /^# 2\.3\.\d/.test(stdout) && blocks.some(({ kind }) => kind === 'service')
}

type Absolute = Parameters<typeof materialOf>[1]

/** The listeners of parsed settings. */
function wiringOf(
  settings: SettingsBlock,
  listening: SettingsBlock,
  loopbacks: readonly string[],
  absolute: Absolute,
): Wiring {
  const protocols = protocolsOf(settings)
  const running = listening.blocks.filter(({ kind, name }) => kind === 'service' && isOn(services[name], protocols))
  const sockets = running.flatMap((service) => socketsOf(service, settings, loopbacks))
  const servernames = [null, ...servernamesOf(settings)]
  const listeners = sockets.flatMap((socket) =>
    (socket.asksName ? servernames : [null]).flatMap((servername) =>
      listenerAt(socket, settings, servername, absolute),
    ),
  )
  const every = speaksTls(settings) ? everyValue(settings).map((values) => materialOf(values, absolute)) : []
  return {
    listeners,
    maps: [],
    named: [...new Set(every.flatMap(({ files }) => files.map(({ path }) => path)))],
    doubts: [...new Set(every.flatMap(({ isTold, doubt }) => (isTold || doubt === null ? [] : [doubt])))],
    warnings: is24(settings) ? [] : lostPorts(running.flatMap((service) => inetListenersOf(service, settings))),
  }
}

/** 2.3 opens such a port anew at each reload, and may find it taken by its own processes (docs/wiring.md); 2.4.1 was not seen to. */
function lostPorts(listeners: readonly InetListener[]): readonly string[] {
  const inBrackets = listeners.flatMap(({ addresses }) => addresses).filter((one) => /^\[(?![0:]*\]).*\]$/.test(one))
  return [...new Set(inBrackets)].map(
    (address) =>
      `Dovecot may lose its ports at ${address} at a reload: write the address without brackets in "listen" (docs/wiring.md).`,
  )
}

/** None where these connections have no TLS. */
function listenerAt(
  { filter, isScreened, asksName: _, ...socket }: Socket,
  settings: SettingsBlock,
  servername: string | null,
  absolute: Absolute,
): readonly Listener[] {
  const connection = { protocol: filter, address: socket.host, servername }
  const release = is24(settings) ? '2.4' : '2.3'
  const fromHere = valuesFor(settings, { ...connection, client: socket.host }, release)
  const isHidden = fromHere.values.get('ssl') === 'no'
  const applied = isHidden ? valuesFor(settings, { ...connection, client: null }, release) : fromHere
  const { values } = applied
  const { files, doubt }: NamedMaterial = materialOf(values, absolute)
  if (values.get('ssl') === 'no' || (files.length === 0 && doubt === null)) return []
  const isAskable = servername === null || !/[*?]/.test(servername.replace(/^\*\./, ''))
  const doubts = [
    ...(applied.doubt === null ? [] : [applied.doubt]),
    ...(doubt === null ? [] : [doubt]),
    ...(isAskable ? [] : [`No name is known that ${servername} stands for, so none is asked for.`]),
    ...(isHidden ? [`Clients from ${socket.host} get no TLS: "remote" has ssl = no.`] : []),
    ...(isScreened ? [`${socket.host} is not in haproxy_trusted_networks, so nothing from here is answered.`] : []),
  ]
  const facts = {
    ...(doubts.length === 0 ? {} : { doubt: doubts.join(' ') }),
    ...(isAskable && applied.doubt === null ? {} : { unproven: true as const }),
  }
  return [{ ...socket, servername, files, ...facts }]
}

function isOn(service: TlsService | undefined, protocols: readonly string[]): boolean {
  return service !== undefined && (service.protocol === null || protocols.includes(service.protocol))
}

/** 2.3 and 2.4 print `protocols = imap pop3`, 2.4 also `protocols { imap = yes }`. */
function protocolsOf({ values, blocks }: SettingsBlock): readonly string[] {
  const listed = blocks.filter(({ kind }) => kind === 'protocols').flatMap((inner) => [...inner.values])
  return [
    ...(values.get('protocols') ?? '').split(/\s+/),
    ...listed.flatMap(([name, value]) => (isYes(value) ? [name] : [])),
  ]
}

interface Socket extends Pick<Listener, 'name' | 'host' | 'port' | 'protocol' | 'proxy'> {
  /** The name in `protocol imap { … }`. */
  readonly filter: string
  /** It takes the PROXY header, and not from this host. */
  readonly isScreened: boolean
  readonly asksName: boolean
}

/** A socket on all addresses is met at the loopback one of its family, and at each that has settings of its own. */
function socketsOf(service: SettingsBlock, settings: SettingsBlock, loopbacks: readonly string[]): readonly Socket[] {
  const { protocol, speaks = null, asksNoName } = services[service.name] ?? {}
  const filter = protocol ?? service.name
  const asksName = asksNoName === undefined || (asksNoName === 'before 2.4' && is24(settings))
  const trusted = (settings.values.get('haproxy_trusted_networks') ?? '').split(/[\s,]+/)
  return inetListenersOf(service, settings).flatMap(({ name, port, addresses, values }) => {
    const locals = localAddressesOf(settings).filter((own) => addresses.includes(own.includes(':') ? '::' : '*'))
    const hosts = new Set([...reachable(addresses, loopbacks), ...locals])
    const spoken = isYes(values.get('ssl')) ? 'tls' : speaks
    if (spoken === null) return []
    const isProxied = isYes(values.get('haproxy'))
    return [...hosts].map((host) => ({
      name,
      host,
      port,
      protocol: spoken,
      ...(isProxied ? { proxy: 1 as const } : {}),
      filter,
      asksName,
      isScreened: isProxied && !trusted.some((network) => isInNetwork(host, network)),
    }))
  })
}

/** 2.4 does not start without this line. */
function is24({ values }: SettingsBlock): boolean {
  return values.has('dovecot_config_version')
}

interface InetListener {
  readonly name: string
  readonly port: number
  /** As they are written. */
  readonly addresses: readonly string[]
  readonly values: SettingsBlock['values']
}

/** Those of a service that have a port. */
function inetListenersOf(service: SettingsBlock, settings: SettingsBlock): readonly InetListener[] {
  return service.blocks
    .filter(({ kind }) => kind === 'inet_listener')
    .flatMap(({ name, values }) => {
      const port = Number(values.get('port') ?? 0)
      if (!(port > 0 && port < 65_536)) return []
      // 2.4 prints an empty `listen` where nobody set it.
      const listen = values.get('address') || values.get('listen') || settings.values.get('listen') || '*, ::'
      return [{ name, port, addresses: listen.split(/[\s,]+/), values }]
    })
}

/** The values of each block, filters and what is in them. */
function everyValue(settings: SettingsBlock): readonly ReadonlyMap<string, string>[] {
  return [ownValues(settings), ...settings.blocks.flatMap(everyValue)]
}

import type { Command, ProbeProtocol } from '../../plan/plan.ts'
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
import { parseSettings, type SettingsBlock } from './parse-settings.ts'
import { localAddressesOf, ownValues, servernamesOf, valuesFor } from './values-for.ts'

/** The login services, the protocol of `protocols` that each belongs to, and what their clear-text ports speak. */
const services: Readonly<Record<string, { readonly protocol: string; readonly speaks: ProbeProtocol }>> = {
  'imap-login': { protocol: 'imap', speaks: 'imap' },
  'pop3-login': { protocol: 'pop3', speaks: 'pop3' },
  'managesieve-login': { protocol: 'sieve', speaks: 'sieve' },
  'submission-login': { protocol: 'submission', speaks: 'smtp' },
  lmtp: { protocol: 'lmtp', speaks: 'lmtp' },
}

/** What Dovecot reads for each TLS listener, by doveconf(1), 2.3 and 2.4. */
export async function readDovecotWiring(host: HostView, configFile: string | null): Promise<Wiring | Unwired> {
  const doveconf = (...args: string[]): Command =>
    configFile === null ? ['doveconf', ...args] : ['doveconf', '-c', configFile, ...args]
  const [settings, listening, loopbacks] = await Promise.all([
    // -P shows that a key is in a file, as `</path`; without -x the file is not read into the answer.
    host.run(doveconf('-P', '-a')),
    // Among all settings, 2.4 prints no listener, port or `ssl = yes` that is a default.
    host.run(doveconf('service')),
    loopbacksOf(host),
  ])
  for (const asked of [settings, listening]) if (!isWhole(asked)) return unwiredBy('doveconf', asked)
  return wiringOf(parseSettings(settings.stdout), parseSettings(listening.stdout), loopbacks)
}

/** The listeners of parsed settings. */
function wiringOf(settings: SettingsBlock, listening: SettingsBlock, loopbacks: readonly string[]): Wiring {
  const protocols = protocolsOf(settings)
  const sockets = listening.blocks
    .filter(({ kind, name }) => kind === 'service' && protocols.includes(services[name]?.protocol ?? ''))
    .flatMap((service) => socketsOf(service, settings, loopbacks))
  const servernames = [null, ...servernamesOf(settings)]
  const listeners = sockets.flatMap(({ filter, ...socket }) =>
    servernames.flatMap((servername) => {
      const values = valuesFor(settings, { protocol: filter, address: socket.host, servername })
      const files = values.get('ssl') === 'no' ? [] : filesOf(values)
      return files.length === 0 ? [] : [{ ...socket, servername, files }]
    }),
  )
  return { listeners, maps: [], named: settings.values.get('ssl') === 'no' ? [] : everyFile(settings), doubts: [] }
}

/** 2.3 and 2.4 print `protocols = imap pop3`, 2.4 also `protocols { imap = yes }`. */
function protocolsOf({ values, blocks }: SettingsBlock): readonly string[] {
  const listed = blocks.filter(({ kind }) => kind === 'protocols').flatMap((inner) => [...inner.values])
  return [
    ...(values.get('protocols') ?? '').split(/\s+/),
    ...listed.flatMap(([name, value]) => (value === 'yes' ? [name] : [])),
  ]
}

type Socket = Pick<Listener, 'name' | 'host' | 'port' | 'protocol'> & { readonly filter: string }

/** A socket on all addresses is met at the loopback one of its family, and at each that has settings of its own. */
function socketsOf(service: SettingsBlock, settings: SettingsBlock, loopbacks: readonly string[]): readonly Socket[] {
  const { protocol: filter = '', speaks = 'tls' } = services[service.name] ?? {}
  return service.blocks
    .filter(({ kind }) => kind === 'inet_listener')
    .flatMap(({ name, values }) => {
      const port = Number(values.get('port') ?? 0)
      if (!(port > 0 && port < 65_536)) return []
      const listen = values.get('address') || values.get('listen') || settings.values.get('listen') || '* ::'
      const addresses = listen.split(/[\s,]+/)
      const locals = localAddressesOf(settings).filter((own) => addresses.includes(own.includes(':') ? '::' : '*'))
      const hosts = new Set([...reachable(addresses, loopbacks), ...locals])
      const protocol = values.get('ssl') === 'yes' ? 'tls' : speaks
      return [...hosts].map((host) => ({ name, host, port, protocol, filter }))
    })
}

/** 2.3 writes `</path`, 2.4 a plain path under another name. */
function filesOf(values: ReadonlyMap<string, string>): readonly WiredFile[] {
  const pairs = [
    ['ssl_cert', 'ssl_key'],
    ['ssl_alt_cert', 'ssl_alt_key'],
    ['ssl_server_cert_file', 'ssl_server_key_file'],
    ['ssl_server_alt_cert_file', 'ssl_server_alt_key_file'],
  ] as const
  return pairs.flatMap(([certificate, key]) => [
    ...fileOf(values.get(certificate), 'certificate'),
    ...fileOf(values.get(key), 'key'),
  ])
}

function fileOf(value: string | undefined, role: 'certificate' | 'key'): readonly WiredFile[] {
  const path = (value ?? '').replace(/^</, '').trim()
  return path.startsWith('/') ? [{ path, role }] : []
}

function everyFile(settings: SettingsBlock): readonly string[] {
  const own = filesOf(ownValues(settings)).map(({ path }) => path)
  return [...new Set([...own, ...settings.blocks.flatMap(everyFile)])]
}

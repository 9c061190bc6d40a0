import type { Command } from '../../plan/plan.ts'
import { protocolOfPort } from '../../plan/protocol-of-port.ts'
import type { HostView } from '../connector.ts'
import { type Listener, loopbacksOf, reachable, type Unwired, type WiredFile, type Wiring } from '../wiring.ts'
import { readServices, type Service, type Settings } from './read-services.ts'
import { readSniMaps, type SniMap } from './read-sni-maps.ts'

/** What Postfix reads for each TLS listener, by postconf(1). */
export async function readPostfixWiring(host: HostView, configDir: string | null): Promise<Wiring | Unwired> {
  const postconf = (...args: readonly string[]): Command =>
    configDir === null ? ['postconf', ...args] : ['postconf', '-c', configDir, ...args]
  const [services, ports, loopbacks] = await Promise.all([
    readServices(host, postconf),
    host.readFile('/etc/services').catch(() => null),
    loopbacksOf(host),
  ])
  if ('unwired' in services) return services
  const tables = services.flatMap(({ settings }) => tablesOf(settings))
  const maps = await readSniMaps(host, configDir, tables)
  const listeners = services.flatMap((service) => listenersFor(service, { ports, maps, loopbacks }))
  const read = [
    ...listeners.flatMap(({ files }) => files.map(({ path }) => path)),
    ...maps.flatMap(({ files }) => files),
  ]
  return { listeners, maps, named: [...new Set(read)], doubts: [] }
}

function tablesOf(settings: Settings): readonly string[] {
  return settings.tls_server_sni_maps.split(/[\s,]+/)
}

interface Surroundings {
  /** services(5) */
  readonly ports: Uint8Array | null
  readonly maps: readonly SniMap[]
  readonly loopbacks: readonly string[]
}

function listenersFor({ name, settings }: Service, around: Surroundings): readonly Listener[] {
  if (!speaksTls(settings)) return []
  const at = /^(?:\[?([^\]]*)\]?:)?([^:]+)$/.exec(name)
  const port = portOf(at?.[2] ?? '', around.ports)
  if (port === null) return []
  const addresses = at?.[1] === undefined || at[1] === '' ? settings.inet_interfaces.split(/[\s,]+/) : [at[1]]
  const protocol = settings.smtpd_tls_wrappermode === 'yes' ? 'tls' : asMail(port)
  const own = { servername: null, files: filesOf(settings) }
  const named = around.maps
    .filter(({ table }) => tablesOf(settings).includes(table))
    .flatMap(({ names }) => names)
    .map(({ servername, paths }) => ({ servername, files: paths.map((path) => ({ path, role: 'bundle' }) as const) }))
  const readers = [own, ...named].filter(({ files }) => files.length > 0)
  return reachable(addresses, loopbacksFor(settings, around.loopbacks)).flatMap((host) =>
    readers.map((reader) => ({ name, host, port, protocol, ...reader })),
  )
}

/** `all`, or a list of `ipv4` and `ipv6`. */
function loopbacksFor({ inet_protocols: families }: Settings, loopbacks: readonly string[]): readonly string[] {
  if (/\ball\b/.test(families)) return loopbacks
  return loopbacks.filter((address) => families.includes(address === '::1' ? 'ipv6' : 'ipv4'))
}

/** Submission on an unusual port is SMTP all the same. */
function asMail(port: number): 'smtp' | 'lmtp' {
  return protocolOfPort(port) === 'lmtp' ? 'lmtp' : 'smtp'
}

function speaksTls(settings: Settings): boolean {
  const { smtpd_tls_security_level: level, smtpd_use_tls: isUsed, smtpd_tls_wrappermode: wrapped } = settings
  if (['may', 'encrypt'].includes(level)) return true
  return (level === '' && isUsed === 'yes') || (wrapped === 'yes' && level !== 'none')
}

/** `smtpd_tls_chain_files` takes the place of all others; a key file that is not set is the certificate file. */
function filesOf(settings: Settings): readonly WiredFile[] {
  const chains = settings.smtpd_tls_chain_files.split(/[\s,]+/).filter((path) => path.startsWith('/'))
  if (chains.length > 0) return chains.map((path) => ({ path, role: 'bundle' }))
  return [
    ...pairOf(settings.smtpd_tls_cert_file, settings.smtpd_tls_key_file),
    ...pairOf(settings.smtpd_tls_eccert_file, settings.smtpd_tls_eckey_file),
  ]
}

function pairOf(certificate: string, key: string): readonly WiredFile[] {
  if (!certificate.startsWith('/')) return []
  if (!key.startsWith('/') || key === certificate) return [{ path: certificate, role: 'bundle' }]
  return [
    { path: certificate, role: 'certificate' },
    { path: key, role: 'key' },
  ]
}

const known: Readonly<Record<string, number>> = { smtp: 25, smtps: 465, submissions: 465, submission: 587 }

/** By number, by our table, by services(5). */
function portOf(name: string, services: Uint8Array | null): number | null {
  const port = /^\d{1,5}$/.test(name) ? Number(name) : (known[name] ?? portIn(services, name))
  return port > 0 && port < 65_536 ? port : null
}

function portIn(services: Uint8Array | null, name: string): number {
  const line = new TextDecoder()
    .decode(services ?? new Uint8Array())
    .split('\n')
    .map((row) => (row.split('#')[0] ?? '').trim().split(/\s+/))
    .find(([first, port, ...aliases]) => port?.endsWith('/tcp') === true && [first, ...aliases].includes(name))
  return Number.parseInt(line?.[1] ?? '', 10)
}

import type { Listener, WiredFile } from '../wiring/wiring.ts'
import { filesOf } from './files-of.ts'
import { listOf } from './list-of.ts'
import type { Service, Services, Settings } from './read-services.ts'
import type { SniTable } from './read-sni-maps.ts'
import { tlsModeOf } from './tls-mode.ts'

/** What a client meets on one socket, before addresses are put in. */
export interface Served {
  readonly protocol: 'tls' | 'starttls'
  /** The settings that hide STARTTLS are those of this one. */
  readonly by: 'smtpd' | 'postscreen'
  readonly settings: Settings
  /** A reader per name. */
  readonly readers: readonly Pick<Listener, 'servername' | 'files'>[]
  readonly doubt: string | null
  /** From here another pair may be met there. */
  readonly unproven?: true
}

/** What is served where this service listens; several where postscreen keeps some clients and hands others on. */
export function servedBy(service: Service, services: Services, tables: readonly SniTable[]): readonly Served[] {
  return service.program === 'postscreen' ? byPostscreen(service, services, tables) : bySmtpd(service, tables)
}

function bySmtpd({ name, settings }: Service, tables: readonly SniTable[]): readonly Served[] {
  const { speaks, refuses } = tlsModeOf(settings, 'smtpd')
  if (speaks === 'nothing' && refuses === null) return []
  const readers = readersOf(settings, filesOf(settings, 'smtpd'), tables)
  const protocol = speaks === 'tls' ? 'tls' : 'starttls'
  return [{ protocol, by: 'smtpd', settings, readers, doubt: doubtOf(name, 'smtpd', refuses) }]
}

function doubtOf(name: string, program: string, refuses: string | null): string | null {
  return refuses === null ? null : `The service ${name} does not start: ${program} refuses "${refuses}".`
}

/**
 * A client that postscreen lets pass is handed to a `pass` service and meets that one's pair. One that it tests more deeply meets
 * the pair of tlsproxy. The own addresses of a host pass where `permit_mynetworks` lets them, and all do without the deep tests.
 */
function byPostscreen(service: Service, { services }: Services, tables: readonly SniTable[]): readonly Served[] {
  const { settings } = service
  const behind = services.filter(({ type, name }) => type === 'pass' && name === settings.smtpd_service_name)
  const proxy = services.find(({ type, name }) => type === 'unix' && name === settings.tlsproxy_service_name)
  const { speaks, refuses } = tlsModeOf(settings, 'postscreen')
  const passed = behind.flatMap((smtpd) => bySmtpd(smtpd, tables))
  const isKept =
    proxy !== undefined && speaks !== 'nothing' && tlsModeOf(proxy.settings, 'tlsproxy').speaks !== 'nothing'
  const readers = isKept ? readersOf(proxy.settings, filesOf(proxy.settings, 'tlsproxy'), tables) : []
  const kept: Served = { protocol: 'starttls', by: 'postscreen', settings, readers, doubt: null }
  if (refuses !== null) return passed.map((one) => ({ ...one, doubt: doubtOf(service.name, 'postscreen', refuses) }))
  if (!isKept || passes(settings) || passed.some((one) => isSame(one, kept))) return passed
  const doubt = `Whether postscreen keeps a client at ${service.name} or hands it on cannot be told from here.`
  return [...passed, kept].map((one) => ({ ...one, doubt: one.doubt ?? doubt, unproven: true }))
}

function passes(settings: Settings): boolean {
  const deep = ['bare_newline', 'non_smtp_command', 'pipelining'] as const
  if (deep.every((test) => settings[`postscreen_${test}_enable`].toLowerCase() === 'no')) return true
  return listOf(settings.postscreen_access_list)[0] === 'permit_mynetworks'
}

function isSame(one: Served, other: Served): boolean {
  return one.protocol === other.protocol && JSON.stringify(one.readers) === JSON.stringify(other.readers)
}

function readersOf(settings: Settings, own: readonly WiredFile[], tables: readonly SniTable[]): Served['readers'] {
  const named = listOf(settings.tls_server_sni_maps)
    .flatMap((table) => tables.filter((one) => one.table === table))
    .flatMap(({ names }) => names)
    .map(({ servername, paths }) => ({ servername, files: paths.map((path) => ({ path, role: 'bundle' }) as const) }))
  return [{ servername: null, files: own }, ...named].filter(({ files }) => files.length > 0)
}

/** All files that these services read for any client, behind postscreen too. */
export function namedBy(services: readonly Service[]): readonly string[] {
  const behind = services
    .filter(({ program }) => program === 'postscreen')
    .flatMap(({ settings }) => [`pass ${settings.smtpd_service_name}`, `unix ${settings.tlsproxy_service_name}`])
  return services
    .filter(({ type, name }) => type === 'inet' || behind.includes(`${type} ${name}`))
    .flatMap(({ program, settings }) =>
      program === 'postscreen' || tlsModeOf(settings, program).speaks === 'nothing' ? [] : filesOf(settings, program),
    )
    .map(({ path }) => path)
}

import type { Command } from '../../plan/plan.ts'
import type { HostView } from '../host-view.ts'
import { type Listener, loopbacksOf, type Unwired, type Wiring } from '../wiring/wiring.ts'
import { listOf } from './list-of.ts'
import { listensAt } from './listens-at.ts'
import { readServices, type Service, type Services } from './read-services.ts'
import { readSniTables, type SniTable } from './read-sni-maps.ts'
import { namedBy, type Served, servedBy } from './served-by.ts'
import { starttlsShown } from './starttls-shown.ts'

/** One instance of Postfix. */
export interface Instance {
  readonly main: Services['main']
  readonly wiring: Wiring
}

/** What the instance with this folder of settings says, or the system's. */
export async function readInstance(host: HostView, configDir: string | null): Promise<Instance | Unwired> {
  const at = configDir === null ? [] : ['-c', configDir]
  const postconf = (...args: readonly string[]): Command => ['postconf', ...at, ...args]
  const folder = configDir ?? '/etc/postfix'
  // main.cf and master.cf have no include: postconf(1) reads these, and knows its own defaults.
  const reads = ['/usr/sbin/postconf', `${folder}/main.cf`, `${folder}/master.cf`]
  const [services, ports, loopbacks] = await Promise.all([
    readServices({ run: (command) => host.run(command, reads) }, postconf),
    host.readFile('/etc/services').catch(() => null),
    loopbacksOf(host),
  ])
  if ('unwired' in services) return services
  const tables = await readSniTables(
    host,
    services.services.flatMap(({ settings }) => listOf(settings.tls_server_sni_maps)),
  )
  const asked = services.services.map((service) =>
    listenersFor(service, { host, at, services, ports, tables, loopbacks }),
  )
  const listeners = (await Promise.all(asked)).flat()
  const named = [
    ...listeners.flatMap(({ files }) => files.map(({ path }) => path)),
    ...namedBy(services.services),
    ...tables.flatMap(({ paths, names }) => [...paths, ...names.flatMap((name) => name.paths)]),
  ]
  const maps = tables.flatMap(({ map }) => (map === null ? [] : [map]))
  const doubts = tables.flatMap(({ doubt }) => (doubt === null ? [] : [doubt]))
  return { main: services.main, wiring: { listeners, maps, named: [...new Set(named)], doubts } }
}

interface Surroundings {
  readonly host: HostView
  /** `-c DIR`, or nothing. */
  readonly at: readonly string[]
  readonly services: Services
  /** services(5) */
  readonly ports: Uint8Array | null
  readonly tables: readonly SniTable[]
  readonly loopbacks: readonly string[]
}

async function listenersFor(service: Service, around: Surroundings): Promise<readonly Listener[]> {
  const socket = service.type === 'inet' ? listensAt(service, around.ports, around.loopbacks) : null
  if (socket === null || service.program === 'tlsproxy') return []
  const upstream = service.settings[`${service.program}_upstream_proxy_protocol`]
  const met = servedBy(service, around.services, around.tables).flatMap((served) =>
    socket.hosts.map(async (host) => {
      const doubt = await doubtAt(host, served, around)
      // smtpd knows no LHLO, whatever the port.
      const protocol = served.protocol === 'tls' ? 'tls' : 'smtp'
      const facts = {
        ...(upstream === '' ? {} : { proxy: 1 as const }),
        ...(typeof doubt === 'string' ? { doubt } : {}),
        ...(served.unproven === undefined ? {} : { unproven: true as const }),
      }
      if (doubt === false) return []
      return served.readers.map((reader) => ({
        name: service.name,
        host,
        port: socket.port,
        protocol,
        ...reader,
        ...facts,
      }))
    }),
  )
  return (await Promise.all(met)).flat() as readonly Listener[]
}

/** False: nobody is offered TLS there. Null: it can be told from here what is served. */
async function doubtAt(address: string, served: Served, { host, at }: Surroundings): Promise<string | null | false> {
  if (served.doubt !== null || served.protocol === 'tls') return served.doubt
  const postmap = (...args: readonly string[]): Command => ['postmap', ...at, ...args]
  const client = /^[0-9.]+$|:/.test(address) ? address : '127.0.0.1'
  const shown = await starttlsShown(host, postmap, served.settings, served.by, client)
  if (shown === 'yes') return null
  if (shown === 'never') return false
  const setting = `${served.by}_discard_ehlo_keyword_address_maps`
  return shown === 'not known'
    ? `Whether STARTTLS is offered to ${client} cannot be told: ${setting}.`
    : `STARTTLS is not offered to ${client}: ${setting}.`
}

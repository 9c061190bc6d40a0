import type { Command, ProbeProtocol } from '../../plan/plan.ts'
import { protocolOfPort } from '../../plan/protocol-of-port.ts'
import type { HostView } from '../host-view.ts'
import { isAskable, plainAddress, type Reader, type Socket, wiredPair, wiringOf } from '../wiring/sockets.ts'
import { isWhole, type Unwired, unwiredBy, type WiredFile, type Wiring } from '../wiring/wiring.ts'
import { absolute, type Directive, type Dump, parseDump } from './parse-dump.ts'
import { type Listen, readListen } from './read-listen.ts'

/** What nginx reads for each TLS listener of `http`, `mail` and `stream`, by `nginx -T`. */
export async function readNginxWiring(host: HostView, program: Command): Promise<Wiring | Unwired> {
  const asked = await host.run([...program, '-T'])
  if (!isWhole(asked)) return unwiredBy('nginx', asked)
  try {
    const dump = parseDump(asked.stdout)
    const servers = serversOf(dump)
    return await wiringOf(socketsOf(servers), { named: namedIn(dump.directives, dump.main), doubts: [] }, host)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return {
      listeners: [],
      maps: [],
      named: [],
      doubts: [`The configuration of nginx cannot be read: ${error.message}.`],
    }
  }
}

/** A `server` block with what it inherits. */
interface Server {
  readonly kind: 'http' | 'mail' | 'stream'
  readonly listens: readonly Listen[]
  readonly names: readonly string[]
  readonly protocol: ProbeProtocol | null
  readonly isTls: boolean
  readonly isRejecting: boolean
  readonly files: readonly WiredFile[]
  readonly doubt?: string
}

function serversOf({ directives, main }: Dump): readonly Server[] {
  return (['http', 'mail', 'stream'] as const).flatMap((kind) =>
    directives
      .filter(({ name }) => name === kind)
      .flatMap(({ block }) => {
        const around = block ?? []
        const servers = around.filter(({ name }) => name === 'server')
        return servers.map(({ block: own }) => serverOf(kind, own ?? [], around, main))
      }),
  )
}

function serverOf(kind: Server['kind'], own: readonly Directive[], around: readonly Directive[], main: string): Server {
  const valuesOf = (name: string): readonly string[] => {
    const inner = argsOf(own, name)
    return (inner.length > 0 ? inner : argsOf(around, name)).map(([value = '']) => value)
  }
  const isOn = (name: string): boolean => (valuesOf(name).at(-1) ?? 'off') !== 'off'
  const listens = argsOf(own, 'listen').flatMap(readListen)
  const mail = valuesOf('protocol').at(-1) ?? protocolOfPort(listens[0]?.port ?? 0)
  const hasProgram = [...own, ...around].some(({ name }) => name.startsWith('ssl_certificate_by_lua'))
  return {
    kind,
    listens: listens.length === 0 && kind === 'http' ? readListen(['80']) : listens,
    names: argsOf(own, 'server_name').flatMap((names) => names.map((name) => name.toLowerCase())),
    protocol: kind === 'mail' && isOn('starttls') ? asMail(mail) : null,
    isTls: isOn('ssl'),
    isRejecting: isOn('ssl_reject_handshake'),
    ...filesOf(valuesOf('ssl_certificate'), valuesOf('ssl_certificate_key'), main),
    ...(hasProgram ? { doubt: 'A program inside nginx (ssl_certificate_by_lua) chooses certificates.' } : {}),
  }
}

function argsOf(directives: readonly Directive[], name: string): readonly (readonly string[])[] {
  return directives.filter((directive) => directive.name === name).map(({ args }) => args)
}

function asMail(protocol: string): 'imap' | 'pop3' | 'smtp' | null {
  return (['imap', 'pop3', 'smtp'] as const).find((known) => known === protocol) ?? null
}

/** A certificate and the key at the same place; what is no path of a file (`data:`, `engine:`, a variable) is left out and told. */
function filesOf(
  certificates: readonly string[],
  keys: readonly string[],
  main: string,
): Pick<Server, 'files' | 'doubt'> {
  const others = [...certificates, ...keys].filter((value) => !isPath(value))
  const files = certificates.flatMap((certificate, index): readonly WiredFile[] => {
    const key = keys[index] ?? ''
    const at = absolute(certificate, main)
    if (!isPath(certificate)) return isPath(key) ? [{ path: absolute(key, main), role: 'key' }] : []
    return isPath(key) ? wiredPair(at, absolute(key, main)) : [{ path: at, role: 'certificate' }]
  })
  if (others.length === 0) return { files }
  const what = others.some((value) => /^(data|engine|store):/.test(value))
    ? 'nginx has a certificate or a key in its settings or in an engine, which no file renews.'
    : 'nginx makes the path of a pair anew for each connection.'
  return { files, doubt: what }
}

function isPath(value: string): boolean {
  return value !== '' && !/^(data|engine|store):|\$/.test(value)
}

/** Certificates and keys that any part names, for its own connections as well (`proxy_ssl_certificate`). */
function namedIn(directives: readonly Directive[], main: string): readonly string[] {
  return directives.flatMap(({ name, args, block }) => [
    ...(/(^|_)ssl_(trusted_)?certificate(_key)?$/.test(name) && isPath(args[0] ?? '')
      ? [absolute(args[0] ?? '', main)]
      : []),
    ...namedIn(block ?? [], main),
  ])
}

/** One word of one server makes the whole socket speak TLS, want the header, or take IPv4; its default server answers other names. */
function socketsOf(servers: readonly Server[]): readonly Socket[] {
  const places = new Map<string, { readonly server: Server; readonly listen: Listen }[]>()
  for (const server of servers)
    for (const listen of server.listens) {
      const place = `${server.kind} ${plainAddress(listen.address)} ${listen.port}`
      places.set(place, [...(places.get(place) ?? []), { server, listen }])
    }
  return [...places.values()].flatMap((entries) => {
    const words = entries.flatMap(({ listen }) => listen.words)
    const own =
      entries.find(({ listen }) => listen.words.some((word) => /^default(_server)?$/.test(word))) ?? entries[0]
    if (own === undefined) return []
    const { server, listen } = own
    const protocol = words.includes('ssl') || server.isTls ? 'tls' : server.protocol
    const { port } = listen
    const address = addressOf(entries.map((entry) => entry.listen))
    // It takes the connections to its address all the same.
    if (protocol === null) return [{ name: server.kind, address, port, protocol: 'tls', readers: [] }]
    const proxy = words.includes('proxy_protocol') ? ({ proxy: 1 } as const) : {}
    const readers = [readerOf(server, null), ...entries.flatMap((entry) => readersOf(entry.server, server))]
    return [{ name: server.kind, address, port, protocol, ...proxy, readers }]
  })
}

/** As a socket's: of those that name one place each in its way, the one that takes most. */
function addressOf(listens: readonly Listen[]): string {
  const addresses = listens.map(({ address, words }) =>
    address === '::' && words.includes('ipv6only=off') ? 'all' : address,
  )
  return addresses.find((address) => address === 'all' || address === 'localhost') ?? addresses[0] ?? '*'
}

/** A name without a pair of its own is answered with the default server's. */
function readersOf(server: Server, usual: Server): readonly Reader[] {
  const reads = server.isRejecting || server.files.length > 0 || server.doubt !== undefined ? server : usual
  return server.names
    .flatMap((name) => (name.startsWith('.') ? [name.slice(1), `*${name}`] : [name]))
    .filter(isAskable)
    .map((name) => readerOf(reads, name))
}

function readerOf({ isRejecting, files, doubt }: Server, servername: string | null): Reader {
  if (isRejecting) return { servername, files: [] }
  return { servername, files, ...(doubt === undefined ? {} : { doubt }) }
}

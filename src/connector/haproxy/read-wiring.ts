import type { HostView } from '../host-view.ts'
import { isAskable, type Reader, type Socket, wiringOf } from '../wiring/sockets.ts'
import { isWhole, type Unwired, unwiredBy, type Wiring } from '../wiring/wiring.ts'
import { type ConfigLine, parseConfig, unknownVariable } from './parse-config.ts'
import { type Bind, readBind } from './read-bind.ts'
import { type LoadedPem, type PemReader, type Replaced, readCrt, readCrtList } from './read-pems.ts'
import { sectionLines } from './section-lines.ts'

/**
 * What HAProxy reads for each `bind … ssl`, by these configuration files or folders of them, once `haproxy -c` takes them.
 * Who answers to a name is told by the certificates themselves: a file that is about to be replaced counts as what it will be.
 */
export async function readHaproxyWiring(
  host: HostView,
  configs: readonly string[],
  replaced: Replaced | null = null,
): Promise<Wiring | Unwired> {
  const checked = await host.run(['haproxy', '-c', ...configs.flatMap((config) => ['-f', config])])
  if (!isWhole(checked)) return unwiredBy('haproxy', checked)
  const texts = await Promise.all((await filesOf(configs, host)).map((file) => host.readFile(file).catch(() => null)))
  const lines = parseConfig(texts.map((bytes) => new TextDecoder().decode(bytes ?? new Uint8Array())).join('\n'))
  const doubts = new Set<string>()
  if (texts.includes(null)) doubts.add('A file of the configuration of HAProxy cannot be read.')
  for (const { words } of lines) if (words[0] === 'ssl-f-use') doubts.add('HAProxy has certificates by ssl-f-use.')
  const reader = { host, base: crtBaseOf(lines), replaced, doubts, left: { files: 2000 } }
  const sockets: Socket[] = []
  const named: string[] = []
  for (const line of lines.filter(({ words }) => words[0] === 'bind')) {
    const bind = readBind(line.words)
    // Without TLS it takes the connections to its address all the same.
    const pems = bind.isTls ? await loadedBy(bind, reader) : []
    named.push(...pems.flatMap(({ files }) => files.map(({ path }) => path)))
    const rules = sectionLines(line.index, lines)
    const isOff = isDisabled(rules)
    if (isOff === true) continue
    if (bind.isTls && isDoubtful(line.isConditional || isOff === null, bind, doubts)) continue
    const readers = readersOf(bind, pems)
    const wantsHeader = bind.wantsHeader || expectsHeader(rules)
    const proxy = wantsHeader === true ? ({ proxy: 1 } as const) : {}
    const unproven = wantsHeader === null ? { unproven: ofWhoConnects } : {}
    const rest = { name: line.section, protocol: 'tls' as const, ...proxy, ...unproven, readers }
    sockets.push(...bind.places.map((place) => ({ ...rest, ...place })))
  }
  return wiringOf(sockets, { named, doubts: [...doubts] }, host)
}

/** A folder stands for its `*.cfg`, by name. */
async function filesOf(configs: readonly string[], host: HostView): Promise<readonly string[]> {
  const files = configs.map(async (config) => {
    const names = await host.list(config)
    if (names === null) return [config]
    return names.filter((name) => /^[^.].*\.cfg$/.test(name)).map((name) => `${config.replace(/\/+$/, '')}/${name}`)
  })
  return (await Promise.all(files)).flat()
}

function crtBaseOf(lines: readonly ConfigLine[]): string | null {
  const base = lines.findLast(({ words }) => words[0] === 'crt-base')?.words[1]
  return base === undefined || !base.startsWith('/') || base.includes(unknownVariable) ? null : base.replace(/\/+$/, '')
}

async function loadedBy({ loads }: Bind, reader: PemReader): Promise<readonly LoadedPem[]> {
  const loaded: LoadedPem[] = []
  for (const { kind, path } of loads)
    loaded.push(...(await (kind === 'crt' ? readCrt(path, reader) : readCrtList(path, reader))))
  return loaded
}

/** Whether a section with these lines listens nowhere; null: a condition decides. */
function isDisabled(lines: readonly ConfigLine[]): boolean | null {
  const last = lines.findLast(({ words: [word] }) => word === 'disabled' || word === 'enabled')
  return last?.isConditional === true ? null : last?.words[0] === 'disabled'
}

function isDoubtful(isConditional: boolean, { isUnknown, isForging }: Bind, doubts: Set<string>): boolean {
  if (isConditional) doubts.add('HAProxy has listeners between .if and .endif, of which it alone knows.')
  if (isUnknown) doubts.add('HAProxy is told an address or a port by its environment.')
  if (isForging) doubts.add('HAProxy makes certificates of its own (generate-certificates).')
  return isConditional || isUnknown || isForging
}

const ofWhoConnects = 'Whether HAProxy expects the PROXY header depends on who connects.'

/** Whether `tcp-request connection` of a section with these lines expects the header; null: of some connections alone. */
function expectsHeader(lines: readonly ConfigLine[]): boolean | null {
  let isSpared = false
  for (const { words, isConditional } of lines) {
    const [request, connection, action] = words
    if (request !== 'tcp-request' || connection !== 'connection') continue
    const isForAll = !isConditional && !words.includes('if') && !words.includes('unless')
    if (action === 'expect-proxy') return isForAll && !isSpared ? true : null
    if (action === 'accept' && isForAll) return false
    if (action === 'accept') isSpared = true
  }
  return false
}

/** The first certificate answers all other names. */
function readersOf({ isStrict }: Bind, pems: readonly LoadedPem[]): readonly Reader[] {
  const first = pems[0]
  if (first === undefined) return []
  const usual: Reader = pems.slice(1).some(({ names }) => names.includes('*'))
    ? { servername: null, files: [], doubt: 'Whom a crt-list means by "*" differs between versions of HAProxy.' }
    : { servername: null, files: first.files }
  const byName = pemsByName(pems)
  const excepted = pems.flatMap(({ except }) => except)
  const named = [...new Set([...byName.keys(), ...excepted])].filter(isAskable).flatMap((servername) => {
    const files = answering(servername, byName).flatMap((pem) => pem.files)
    if (files.length > 0) return [{ servername, files }]
    return isStrict ? [] : [{ ...usual, servername }]
  })
  return [...(isStrict ? [] : [usual]), ...named]
}

function pemsByName(pems: readonly LoadedPem[]): ReadonlyMap<string, readonly LoadedPem[]> {
  const byName = new Map<string, LoadedPem[]>()
  for (const pem of pems)
    for (const name of pem.names) {
      const known = byName.get(name)
      if (known === undefined) byName.set(name, [pem])
      else known.push(pem)
    }
  return byName
}

/**
 * What HAProxy chooses from for a name, by what the client takes: of each key type the first with the name itself, else the first with
 * `*.` and what is behind its first dot, where the filters do not leave the name out.
 */
function answering(name: string, byName: ReadonlyMap<string, readonly LoadedPem[]>): readonly LoadedPem[] {
  const wildcard = name.replace(/^[^.*]+(?=\.)/, '*')
  const wild = (byName.get(wildcard) ?? []).filter(({ except }) => !except.includes(name))
  const types = new Map<string, LoadedPem>()
  for (const pem of [...(byName.get(name) ?? []), ...wild]) if (!types.has(pem.keyType)) types.set(pem.keyType, pem)
  return [...types.values()]
}

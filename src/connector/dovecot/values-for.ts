import { isInNetwork } from '../wiring/address-in.ts'
import { tlsSettings } from './files-of.ts'
import type { SettingsBlock } from './parse-settings.ts'

/** Which connections are meant. */
export interface Connection {
  /** `imap`, as in `protocol imap { … }`. */
  readonly protocol: string
  /** The address that was connected to. */
  readonly address: string
  /** The address that it comes from; null: none that has a `remote` of its own. */
  readonly client: string | null
  /** A name or pattern of `local_name`; null: no such block applies. */
  readonly servername: string | null
}

/** What applies to some connections. */
export interface Applied {
  readonly values: ReadonlyMap<string, string>
  /** Why Dovecot may take other values, in a sentence; null: it takes these. */
  readonly doubt: string | null
}

/** A block that applies, with the conditions of those around it. */
interface Filter {
  /** Its index among the blocks of each that is around it, from the outermost on. */
  readonly at: readonly number[]
  /** The bits of its network for the address that was connected to, and of that for the client's; 0: it has none. */
  readonly localBits: number
  readonly remoteBits: number
  readonly hasName: boolean
  readonly hasProtocol: boolean
  readonly values: ReadonlyMap<string, string>
}

/** Of no block: what is outside all of them. */
const everyone = { at: [], localBits: 0, remoteBits: 0, hasName: false, hasProtocol: false }

/** The settings of these connections, from doveconf(1): of several blocks that apply, 2.3 and 2.4 let another one win. */
export function valuesFor(settings: SettingsBlock, connection: Connection, release: '2.3' | '2.4'): Applied {
  const filters = filtersFor(settings, connection, { ...everyone, values: ownValues(settings) })
  return release === '2.3' ? mostSpecialOf(filters) : lastOf(filters)
}

/** Those that apply, in the order of doveconf(1), each before what is inside it. */
function filtersFor(settings: SettingsBlock, connection: Connection, own: Filter): readonly Filter[] {
  const inner = settings.blocks.flatMap((block, index) => {
    const { kind, name } = block
    if (!applies(block, connection)) return []
    return filtersFor(block, connection, {
      at: [...own.at, index],
      localBits: kind === 'local' ? bitsOf(name) : own.localBits,
      remoteBits: kind === 'remote' ? bitsOf(name) : own.remoteBits,
      hasName: own.hasName || kind === 'local_name',
      hasProtocol: own.hasProtocol || kind === 'protocol',
      values: ownValues(block),
    })
  })
  return [own, ...inner]
}

function bitsOf(network: string): number {
  return Number(/\/(\d+)$/.exec(network)?.[1] ?? (network.includes(':') ? 128 : 32))
}

/**
 * 2.3: the most special block wins, of equal ones the first in the file, and each other one fills in what is not set yet. Where
 * one sets anew what a block before it has set, and is not as wide in each respect, Dovecot ends the connection.
 */
function mostSpecialOf(filters: readonly Filter[]): Applied {
  const ordered = filters.toSorted(bySpecialty)
  const refused = ordered.flatMap((filter, index) => {
    const before = ordered.slice(0, index)
    const last = before.at(-1)
    if (last === undefined || isAsWide(filter, last)) return []
    return tlsSettings.filter((name) => filter.values.has(name) && before.some(({ values }) => values.has(name)))
  })
  const values = new Map(ordered.toReversed().flatMap((filter) => [...filter.values]))
  const [name] = refused
  if (name === undefined) return { values, doubt: null }
  return {
    values,
    doubt: `Dovecot ends such connections: several blocks set ${name}, and none is the most special one.`,
  }
}

function bySpecialty(one: Filter, other: Filter): number {
  return (
    Number(other.hasName) - Number(one.hasName) ||
    other.localBits - one.localBits ||
    other.remoteBits - one.remoteBits ||
    Number(other.hasProtocol) - Number(one.hasProtocol)
  )
}

function isAsWide(filter: Filter, than: Filter): boolean {
  return (
    filter.localBits <= than.localBits &&
    filter.remoteBits <= than.remoteBits &&
    (!filter.hasName || than.hasName) &&
    (!filter.hasProtocol || than.hasProtocol)
  )
}

/** 2.4: the block that was begun last in the files wins, and doveconf(1) prints one inside another where the outer one was begun. */
function lastOf(filters: readonly Filter[]): Applied {
  const values = new Map(filters.flatMap((filter) => [...filter.values]))
  const open = tlsSettings.find((name) => {
    const setters = filters.filter((filter) => filter.values.has(name))
    const last = setters.at(-1)
    const others = setters.filter((setter) => setter.values.get(name) !== values.get(name))
    return last !== undefined && !others.every((other) => isBegunBefore(other, last))
  })
  if (open === undefined) return { values, doubt: null }
  return { values, doubt: `Several blocks set ${open}, and which of them was begun last in the files cannot be told.` }
}

/** Certainly: the blocks inside one are in the order of the files, and each is begun before those inside it. */
function isBegunBefore({ at: one }: Filter, { at: other }: Filter): boolean {
  const last = one.length - 1
  if (last < 0) return true
  return one.slice(0, last).every((index, depth) => index === other[depth]) && (one[last] ?? 0) <= (other[last] ?? -1)
}

/** 2.4 prints `ssl_server { cert_file = … }` for `ssl_server_cert_file`. */
export function ownValues({ values, blocks }: SettingsBlock): ReadonlyMap<string, string> {
  const prefixed = blocks
    .filter(({ kind, name }) => kind === 'ssl_server' && name === '')
    .flatMap((inner) => [...inner.values].map(([name, value]) => [`ssl_server_${name}`, value] as const))
  return new Map([...values, ...prefixed])
}

function applies({ kind, name }: SettingsBlock, { protocol, address, client, servername }: Connection): boolean {
  if (kind === 'protocol') return name.startsWith('!') ? name !== `!${protocol}` : name === protocol
  if (kind === 'local') return namesOf(name).some((network) => isInNetwork(address, network))
  if (kind === 'remote') return client !== null && namesOf(name).some((network) => isInNetwork(client, network))
  return kind === 'local_name' && servername !== null && namesOf(name).some((pattern) => isNamedBy(servername, pattern))
}

const wildcards: Readonly<Record<string, string>> = { '*.': '[^.]*\\.', '*': '(?!)', '?': '[^*]' }

/**
 * As Dovecot compares them: `*.` stands for the rest of one label, `?` for any character. A pattern fits itself, in place of the
 * names that it stands for and that no other block has. Of thousands of names each is compared with each: mostly as text.
 */
function isNamedBy(servername: string, written: string): boolean {
  const pattern = written.toLowerCase()
  if (pattern === servername) return !/\*(?!\.)/.test(pattern)
  const isBelow = pattern.startsWith('*.')
  const rest = isBelow ? pattern.slice(1) : pattern
  if (!rest.includes('*') && !rest.includes('?'))
    return isBelow && servername.endsWith(rest) && servername.indexOf('.') === servername.length - rest.length
  const expression = pattern.replaceAll(/\*\.|[^a-z0-9]/g, (part) => wildcards[part] ?? `\\${part}`)
  return new RegExp(`^${expression}$`, 's').test(servername)
}

/** A switch as Dovecot takes it: 2.3 prints `yes` and `no`, 2.4 the word as it was written. */
export function isYes(value: string | undefined): boolean {
  return /^(?:yes|y|1)$/i.test(value ?? '')
}

/** Whether any of these connections can have TLS. */
export function speaksTls({ kind, values, blocks }: SettingsBlock): boolean {
  const isFilter = ['', 'protocol', 'local', 'remote', 'local_name'].includes(kind)
  const ssl = values.get('ssl') ?? (kind === '' ? 'yes' : 'no')
  return isFilter && (ssl !== 'no' || blocks.some(speaksTls))
}

/** The names and patterns that have a `local_name` anywhere in these settings, in small letters. */
export function servernamesOf(settings: SettingsBlock): readonly string[] {
  return [...new Set(namesOfKind(settings, 'local_name').flatMap((name) => namesOf(name.toLowerCase())))]
}

/** The single addresses that have a `local` anywhere in these settings. */
export function localAddressesOf(settings: SettingsBlock): readonly string[] {
  return namesOfKind(settings, 'local').filter((name) => /^[0-9.]+$|^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(name))
}

function namesOfKind({ blocks }: SettingsBlock, kind: string): readonly string[] {
  const found = blocks.flatMap((block) => [...(block.kind === kind ? [block.name] : []), ...namesOfKind(block, kind)])
  return [...new Set(found)]
}

/** 2.3 takes several names in one block. */
function namesOf(name: string): readonly string[] {
  return name.split(/\s+/).filter((one) => one !== '')
}

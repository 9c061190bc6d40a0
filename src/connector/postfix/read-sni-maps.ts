import type { HostView } from '../host-view.ts'
import type { WiredMap } from '../wiring/wiring.ts'
import { listOf } from './list-of.ts'

/** A table of `tls_server_sni_maps`. */
export interface SniTable {
  /** As the setting says it: `hash:/etc/postfix/sni`. */
  readonly table: string
  readonly names: readonly { readonly servername: string; readonly paths: readonly string[] }[]
  /** Paths in it whose names cannot be told. */
  readonly paths: readonly string[]
  /** Null: it is no file, or one that is not compiled for names. */
  readonly map: WiredMap | null
  /** Why it cannot be told what is in it. */
  readonly doubt: string | null
}

/** The types that postmap(1) compiles, key and chain with them. */
const compiled = ['hash', 'btree', 'lmdb', 'cdb', 'dbm', 'sdbm']

/** Their files are read when Postfix opens them; what `$1` stands for is not put in. */
const patterns = ['regexp', 'pcre', 'cidr']

/** Reads the tables, `proxy:` or not; types are written in small letters, any other Postfix does not know. */
export async function readSniTables(host: HostView, tables: readonly string[]): Promise<readonly SniTable[]> {
  return Promise.all([...new Set(tables)].map((table) => readSniTable(host, table)))
}

async function readSniTable(host: HostView, table: string): Promise<SniTable> {
  const [, type = '', rest = ''] = /^(?:proxy:)*([a-z]+):(.*)$/s.exec(table) ?? []
  const empty = { table, names: [], paths: [], map: null, doubt: null }
  if (type === 'static') return { ...empty, paths: pathsIn(inner(rest)) }
  if (type === 'inline') return { ...empty, names: inlineNames(rest) }
  if (patterns.includes(type) && rest.startsWith('{'))
    return { ...empty, paths: listOf(inner(rest)).flatMap((rule) => rulePaths(inner(rule))) }
  const isRead = type === 'texthash' || compiled.includes(type) || patterns.includes(type)
  const bytes = isRead && rest.startsWith('/') ? await host.readFile(rest).catch(() => null) : null
  if (bytes === null) return { ...empty, doubt: `The names and files in the table ${table} cannot be told from here.` }
  const lines = linesOf(new TextDecoder().decode(bytes))
  if (patterns.includes(type)) return { ...empty, paths: lines.flatMap(rulePaths) }
  const names = lines.flatMap((line) => {
    const [name = '', ...paths] = line.trim().split(/[\s,]+/)
    return paths.length === 0 ? [] : [entryOf(name, paths)]
  })
  const files = names.flatMap(({ paths }) => paths)
  const command = type === 'texthash' ? null : (['postmap', '-F', `${type}:${rest}`] as const)
  return { ...empty, names, map: { source: rest, mode: await host.mode(rest), files, entries: names, command } }
}

/** A line that begins with white space continues the one before, `#` begins a comment; postmap(1). */
function linesOf(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line))
  return lines
    .join('\n')
    .replaceAll(/\n[ \t]+/g, ' ')
    .split('\n')
}

/** `.example.net` stands for all names below it. */
function entryOf(name: string, paths: readonly string[]): SniTable['names'][number] {
  return { servername: name.toLowerCase().replace(/^\./, '*.'), paths }
}

/** `{ name = path, … }`, where an entry may have braces of its own. */
function inlineNames(text: string): SniTable['names'] {
  return listOf(inner(text)).flatMap((entry) => {
    const [, name, value = ''] = /^([^=]*)=(.*)$/s.exec(inner(entry)) ?? []
    return name === undefined ? [] : [entryOf(name.trim(), pathsIn(value))]
  })
}

/** What the outermost braces hold. */
function inner(text: string): string {
  const trimmed = text.trim()
  return trimmed.startsWith('{') && trimmed.endsWith('}') ? trimmed.slice(1, -1) : trimmed
}

function pathsIn(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word.startsWith('/'))
}

/** `/pattern/ path …`; `if` and `endif` have none. */
function rulePaths(rule: string): readonly string[] {
  const [pattern = '', ...paths] = rule.trim().split(/\s+/)
  return /^(if|endif)$/i.test(pattern) ? [] : pathsIn(paths.join(' '))
}

import type { HostView } from '../connector.ts'
import type { WiredMap } from '../wiring.ts'

/** A table of `tls_server_sni_maps`, with the names in it. */
export interface SniMap extends WiredMap {
  /** `hash:/etc/postfix/sni` */
  readonly table: string
  readonly names: readonly { readonly servername: string; readonly paths: readonly string[] }[]
}

/** The types that postmap(1) compiles, key and chain with them. */
const compiled = ['hash', 'btree', 'lmdb', 'cdb', 'dbm', 'sdbm']

/** Its files are read when Postfix opens it. */
const plain = 'texthash'

/** Reads the sources of these tables; a table that cannot be read has no names, one of another type is left out. */
export async function readSniMaps(
  host: HostView,
  configDir: string | null,
  tables: readonly string[],
): Promise<readonly SniMap[]> {
  const maps = [...new Set(tables)].map((table) => /^([a-z]+):(\/[^:]+)$/.exec(table))
  return Promise.all(
    maps.flatMap((match) => {
      const [table = '', type = '', source = ''] = match ?? []
      return type === plain || compiled.includes(type) ? [readSniMap(host, configDir, { table, type, source })] : []
    }),
  )
}

async function readSniMap(
  host: HostView,
  configDir: string | null,
  { table, type, source }: { readonly table: string; readonly type: string; readonly source: string },
): Promise<SniMap> {
  const bytes = await host.readFile(source).catch(() => null)
  const names = parse(new TextDecoder().decode(bytes ?? new Uint8Array()))
  const at = configDir === null ? [] : ['-c', configDir]
  return {
    table,
    source,
    mode: await host.mode(source),
    files: names.flatMap(({ paths }) => paths),
    command: type === plain ? null : ['postmap', ...at, '-F', table],
    names,
  }
}

/**
 * `name file, file …`; a line that begins with white space continues the one before, `#` begins a comment; postmap(1).
 * `.example.net` stands for all names below it.
 */
function parse(text: string): SniMap['names'] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line))
  return lines
    .join('\n')
    .replaceAll(/\n[ \t]+/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const [name = '', ...paths] = line.trim().split(/[\s,]+/)
      const servername = name.toLowerCase().replace(/^\./, '*.')
      return paths.length === 0 ? [] : [{ servername, paths }]
    })
}

/** One directive of Apache, quotes taken off its words. */
export interface ApacheDirective {
  /** Lower-case. */
  readonly name: string
  readonly args: readonly string[]
}

/** The main server, or a `<VirtualHost>`. */
export interface ApacheServer {
  /** The words of its `<VirtualHost>`; null: the main server. */
  readonly addresses: readonly string[] | null
  readonly directives: readonly ApacheDirective[]
}

/** What Apache prints of itself. */
export interface ApacheDump {
  /** Relative paths are relative to it. */
  readonly root: string
  /** The main server first, then the others in their order. */
  readonly servers: readonly ApacheServer[]
}

/**
 * The output of `-D DUMP_CONFIG -D DUMP_RUN_CFG`: Apache itself has read includes, macros, variables and conditions. Null: it
 * has no configuration in it. What stands in a section of a server (`<Directory>`) names no listener's certificate.
 */
export function parseApacheDump(text: string): ApacheDump | null {
  // Where its run-time settings begin, its configuration has ended.
  const told = /^ServerRoot: "(\/.*)"$/m.exec(text)
  const config = text.slice(0, told?.index)
  if (told?.[1] === undefined || !config.startsWith('# In file: ')) return null
  const main: OpenServer = { addresses: null, directives: [] }
  const servers = [main]
  const open: string[] = []
  for (const line of config.split('\n').map((row) => row.trim())) {
    if (line.startsWith('</')) open.pop()
    else if (line.startsWith('<')) {
      const [kind = '', ...rest] = line.replace(/>$/, '').slice(1).trim().split(/\s+/)
      open.push(kind.toLowerCase())
      if (isServer(open)) servers.push({ addresses: rest, directives: [] })
    } else if (line !== '' && !line.startsWith('#') && (open.length === 0 || isServer(open))) {
      const [name = '', ...args] = wordsOf(line)
      const server = open.length === 0 ? main : servers.at(-1)
      server?.directives.push({ name: name.toLowerCase(), args })
    }
  }
  return { root: told[1], servers }
}

interface OpenServer extends ApacheServer {
  readonly directives: ApacheDirective[]
}

function isServer(open: readonly string[]): boolean {
  return open.length === 1 && open[0] === 'virtualhost'
}

/** Quotes of either kind around a word; a backslash before them or before itself is taken off. */
function wordsOf(line: string): readonly string[] {
  const words = line.matchAll(/"((?:\\.|[^"\\])*)"?|'((?:\\.|[^'\\])*)'?|([^\s"']\S*)/g)
  return [...words].map(([, double, single, bare]) =>
    bare === undefined ? (double ?? single ?? '').replaceAll(/\\(["'\\])/g, '$1') : bare,
  )
}

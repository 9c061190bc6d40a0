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
  /** The sections of mod_md (`<MDomainSet>`), each as a directive, and what stands in them. */
  readonly domains: readonly ApacheDirective[]
}

/**
 * The output of `-D DUMP_CONFIG -D DUMP_RUN_CFG`: Apache itself has read includes, macros, variables and conditions. Null: it
 * has no configuration in it. What stands in another section of a server (`<Directory>`) names no listener's certificate.
 */
export function parseApacheDump(text: string): ApacheDump | null {
  // Where its run-time settings begin, its configuration has ended.
  const told = /^ServerRoot: "(\/.*)"$/m.exec(text)
  const config = text.slice(0, told?.index)
  if (told?.[1] === undefined || !config.startsWith('# In file: ')) return null
  const main: OpenServer = { addresses: null, directives: [] }
  const servers = [main]
  const domains: ApacheDirective[] = []
  const open: string[] = []
  for (const line of config.split('\n').map((row) => row.trim())) {
    if (line.startsWith('</')) open.pop()
    else if (line.startsWith('<')) {
      const [kind = '', ...rest] = line.replace(/>$/, '').slice(1).trim().split(/\s+/)
      open.push(kind.toLowerCase())
      if (isServer(open)) servers.push({ addresses: rest, directives: [] })
      if (isDomain(open)) domains.push({ name: kind.toLowerCase(), args: rest })
    } else if (line !== '' && !line.startsWith('#')) {
      const [name = '', ...args] = wordsOf(line)
      const own = isServer(open) ? servers.at(-1)?.directives : isDomain(open) ? domains : undefined
      const directives = open.length === 0 ? main.directives : own
      directives?.push({ name: name.toLowerCase(), args })
    }
  }
  return { root: told[1], servers, domains }
}

interface OpenServer extends ApacheServer {
  readonly directives: ApacheDirective[]
}

function isServer(open: readonly string[]): boolean {
  return open.length === 1 && open[0] === 'virtualhost'
}

function isDomain(open: readonly string[]): boolean {
  return /^mdomain(set)?$/.test(open.at(-1) ?? '')
}

/** Quotes of either kind around a word; a backslash before them or before itself is taken off. */
function wordsOf(line: string): readonly string[] {
  const words = line.matchAll(/"((?:\\.|[^"\\])*)"?|'((?:\\.|[^'\\])*)'?|([^\s"']\S*)/g)
  return [...words].map(([, double, single, bare]) =>
    bare === undefined ? (double ?? single ?? '').replaceAll(/\\(["'\\])/g, '$1') : bare,
  )
}

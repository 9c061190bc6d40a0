/** One directive of nginx: its words, quotes taken off, and those inside its braces. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  /** Null: it has no block. */
  readonly block: readonly Directive[] | null
}

/** What `nginx -T` prints. */
export interface Dump {
  /** The main file, which relative paths are relative to. */
  readonly main: string
  /** With the files of each `include` in its place. */
  readonly directives: readonly Directive[]
}

const header = /^# configuration file (\/[^\n]*):$/gm
const deepest = 40
const mostDirectives = 200_000

/**
 * The output of `nginx -T`. Throws SyntaxError where it is not understood: half of the settings would be another wiring. A comment of a
 * file may look like the beginning of another one: each file has to begin once, and to be included.
 */
export function parseDump(text: string): Dump {
  const headers = [...text.matchAll(header)]
  const files = new Map<string, readonly Directive[]>()
  for (const [index, match] of headers.entries()) {
    const file = String(match[1])
    if (files.has(file)) throw new SyntaxError(`${file} begins twice in what nginx -T prints`)
    files.set(file, parseFile(text.slice(match.index + match[0].length, headers[index + 1]?.index), file))
  }
  const main = [...files.keys()][0]
  if (main === undefined) throw new SyntaxError('nginx -T names no configuration file')
  const around = { files, main, depth: 0, left: { directives: mostDirectives }, included: new Set([main]) }
  const directives = expand(files.get(main) ?? [], around)
  const stray = [...files.keys()].find((file) => !around.included.has(file))
  if (stray !== undefined) throw new SyntaxError(`nginx -T prints ${stray}, and no include names it`)
  return { main, directives }
}

interface Around {
  readonly files: ReadonlyMap<string, readonly Directive[]>
  readonly main: string
  readonly depth: number
  readonly left: { directives: number }
  readonly included: Set<string>
}

/** The dump has each file once, in the order in which it was first read; an `include` may name it again. */
function expand(directives: readonly Directive[], around: Around): readonly Directive[] {
  if (around.depth > deepest) throw new SyntaxError('its files include each other')
  around.left.directives -= directives.length
  if (around.left.directives < 0) throw new SyntaxError('it has more directives than are looked at')
  return directives.flatMap(({ name, args, block }) => {
    const inner = { ...around, depth: around.depth + 1 }
    if (name !== 'include' || block !== null) return [{ name, args, block: block && expand(block, inner) }]
    const pattern = globOf(absolute(args[0] ?? '', around.main))
    return [...around.files].flatMap(([file, its]) => {
      if (!pattern.test(file)) return []
      around.included.add(file)
      return expand(its, inner)
    })
  })
}

/** A path of nginx's settings: relative to the folder of its main file. */
export function absolute(path: string, main: string): string {
  return path.startsWith('/') ? path : `${main.slice(0, main.lastIndexOf('/') + 1)}${path}`
}

/** glob(7): no wildcard stands for a slash, nor for the dot that a name begins with. */
function globOf(pattern: string): RegExp {
  const source = pattern.replaceAll(/\[[!^]?[^\]/]+\]|[\s\S]/g, (part, offset: number) => {
    const isWild = part === '*' || part === '?' || part.length > 1
    const start = isWild && pattern[offset - 1] === '/' ? '(?!\\.)' : ''
    if (part === '*') return `${start}[^/]*`
    if (part === '?') return `${start}[^/]`
    if (part.length === 1) return part.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')
    const [, not = '', among = ''] = /^\[([!^]?)([\s\S]+)\]$/.exec(part) ?? []
    return `${start}[${not === '' ? '' : '^/'}${among.replaceAll('\\', '\\\\')}]`
  })
  return new RegExp(`^${source}$`)
}

/** Space, comments, marks, quoted words, and words: one that begins unquoted goes on over quotes, `#` and `${name}`. */
const token =
  /(?:\s|#[^\n]*(?:\n|$))*(?:(?<mark>[;{}])|"(?<double>(?:\\[\s\S]|[^"\\])*)"|'(?<single>(?:\\[\s\S]|[^'\\])*)'|(?<word>(?:\$\{|\\[\s\S]|[^\s;{}\\#"'])(?:\$\{|\\[\s\S]|[^\s;{\\])*)|$)/y

interface OpenBlock {
  readonly words: readonly string[]
  readonly directives: Directive[]
}

function parseFile(text: string, file: string): readonly Directive[] {
  const scan = new RegExp(token)
  const open: OpenBlock[] = [{ words: [], directives: [] }]
  let words: string[] = []
  const fail = (): SyntaxError => new SyntaxError(`${file} has a form that is not understood`)
  const close = (block: readonly Directive[] | null, [name = '', ...args]: readonly string[]): void => {
    open.at(-1)?.directives.push({ name, args, block })
    words = []
  }
  while (scan.lastIndex < text.length) {
    const { groups = {} } = scan.exec(text) ?? {}
    if (scan.lastIndex === 0) throw fail()
    const { mark, double, single, word } = groups
    const said = double ?? single ?? word
    if (said !== undefined) words.push(unescaped(said))
    else if (mark === ';') close(null, words)
    else if (mark === '{' && words[0]?.endsWith('_by_lua_block') === true) {
      scan.lastIndex = endOfLua(text, scan.lastIndex)
      close([], words)
    } else if (mark === '{' && open.length < deepest) {
      open.push({ words, directives: [] })
      words = []
    } else if (mark !== undefined) {
      const ended = open.pop()
      if (mark === '{' || ended === undefined || open.length === 0 || words.length > 0) throw fail()
      close(ended.directives, ended.words)
    }
  }
  if (open.length !== 1 || words.length > 0) throw fail()
  return open[0]?.directives ?? []
}

/** Lua's own words are none of nginx's: only its braces are counted. */
function endOfLua(text: string, from: number): number {
  let depth = 1
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1
    if (text[at] === '}') depth -= 1
    if (depth === 0) return at + 1
  }
  return text.length
}

const escapes: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n' }

/** A backslash before any other character stays. */
function unescaped(word: string): string {
  return word.replace(/\\(["'\\trn])/g, (_, letter: string) => escapes[letter] ?? letter)
}

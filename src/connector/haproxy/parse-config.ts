/** One line of HAProxy's configuration. */
export interface ConfigLine {
  /** `frontend`, `global`: the keyword of the section that it stands in. */
  readonly section: string
  /** Which section of the file it is, counted. */
  readonly index: number
  readonly words: readonly string[]
  /** It stands between `.if` and `.endif`: whether it counts is known to HAProxy alone. */
  readonly isConditional: boolean
}

const sections = new Set(
  'global defaults frontend backend listen peers resolvers userlist mailers cache program http-errors ring log-forward fcgi-app crt-store log-profile traces acme'.split(
    ' ',
  ),
)

/** A variable of the environment that stayed in a word: what is not known. */
export const unknownVariable = '\0'

/** The lines of one configuration file, words as HAProxy takes them apart (its configuration manual, 2.2). */
export function parseConfig(text: string): readonly ConfigLine[] {
  const lines: ConfigLine[] = []
  let section = ''
  let index = 0
  let conditions = 0
  for (const words of text.split('\n').map(wordsOf)) {
    const [keyword = ''] = words
    if (keyword === '') continue
    if (keyword === '.if') conditions += 1
    if (keyword === '.endif') conditions -= 1
    if (sections.has(keyword)) {
      section = keyword
      index += 1
    }
    lines.push({ section, index, words, isConditional: conditions > 0 || keyword === '.if' })
  }
  return lines
}

const part =
  /\s+|#.*|'(?<strong>[^']*)'?|"(?<weak>(?:\\.|[^"\\])*)"?|(?<variable>\$(?:\{[^}]{0,200}\}|\w+))|\\(?<escaped>.)|(?<plain>[^\s#'"\\$]+|.)/gsy
const variables = /\$(\{[^}]{0,200}\}|\w+)/g

/** Quotes may begin and end within a word; `#` begins a comment anywhere outside of them. */
function wordsOf(line: string): readonly string[] {
  const words: string[] = []
  let isWithin = false
  for (const match of line.matchAll(part)) {
    const { strong, weak, variable, escaped, plain } = match.groups ?? {}
    if (match[0].startsWith('#')) break
    const said =
      strong ??
      weak?.replaceAll(variables, unknownVariable).replaceAll(/\\([\\"'# ])/g, '$1') ??
      (variable === undefined ? undefined : unknownVariable) ??
      (escaped === undefined ? plain : /[\\"'# ]/.test(escaped) ? escaped : `\\${escaped}`)
    if (said === undefined) isWithin = false
    else if (isWithin) words[words.length - 1] += said
    else {
      words.push(said)
      isWithin = true
    }
  }
  return words
}

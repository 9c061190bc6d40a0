import type { ConfigLine } from './parse-config.ts'

/** The lines that count in a section, in their order: those of the `defaults` that it inherits from, then its own. */
export function sectionLines(index: number, lines: readonly ConfigLine[]): readonly ConfigLine[] {
  const own = lines.filter((line) => line.index === index)
  const base = defaultsOf(own[0]?.words ?? [], index, lines)
  return base === undefined ? own : [...sectionLines(base.index, lines), ...own]
}

/** Where a section inherits from, by the first line of each; without a `from` it is the last `defaults` before it. */
function defaultsOf(
  [kind = '', ...words]: readonly string[],
  index: number,
  lines: readonly ConfigLine[],
): ConfigLine | undefined {
  const isNamed = words.includes('from')
  const name = words[words.indexOf('from') + 1]
  if (!isNamed && kind !== 'frontend' && kind !== 'listen') return undefined
  return lines.findLast(
    (line) => line.index < index && line.words[0] === 'defaults' && (!isNamed || line.words[1] === name),
  )
}

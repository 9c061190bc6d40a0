import { plainText } from '../../text/plain-text.ts'

/** Characters; one cell from outside does not make a column that nobody can read. */
const longestCell = 500

/** Columns under headings, as wide as they need to be; the last one is not padded. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [heads, ...rows].map((row) => row.map((cell) => plainText(cell, longestCell)))
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

import { plainText } from '../../text/plain-text.ts'
import { environment } from '../context.ts'

/** A line that may be written as it is. Only `coloured` and the tag below make one. */
export interface Styled {
  readonly styled: string
}

/** What may be printed: text is escaped, whoever made it. */
export type Line = string | Styled

/** Colours on a terminal that can show them, unless NO_COLOR (no-color.org) is set. */
export function mayColour(): boolean {
  const { NO_COLOR, TERM } = environment()
  return process.stdout.isTTY && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb'
}

const codes = { good: 32, warn: 33, bad: 31, strong: 1 } as const

/** The text in a colour where colours may be shown, else as it is. The words must say it all. */
export function coloured(kind: keyof typeof codes, text: string): Styled {
  const plain = printable(text)
  return { styled: mayColour() ? `\u{1b}[${codes[kind]}m${plain}\u{1b}[0m` : plain }
}

/** Template tag: a line of pieces; every piece that has no colour of ours is escaped. */
export function styled(texts: TemplateStringsArray, ...pieces: readonly Line[]): Styled {
  return { styled: texts.map((text, index) => text + onTerminal(pieces[index] ?? '')).join('') }
}

/** A line as it is written. */
export function onTerminal(line: Line): string {
  return typeof line === 'string' ? printable(line) : line.styled
}

/** Text from outside as it may be printed: it begins no line, moves no cursor, has no colours, and does not turn the line around. */
export function printable(text: string): string {
  return plainText(text, 16_384)
}

/** The same of a text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

import { environment } from './context.ts'

/** Colours on a terminal that can show them, unless NO_COLOR (no-color.org) is set. */
export function mayColour(): boolean {
  const { NO_COLOR, TERM } = environment()
  return process.stdout.isTTY && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb'
}

const codes = { good: 32, warn: 33, bad: 31, strong: 1 } as const

/** The text in a colour where colours may be shown, else as it is. The words must say it all. */
export function coloured(kind: keyof typeof codes, text: string): string {
  return mayColour() ? `\u{1b}[${codes[kind]}m${text}\u{1b}[0m` : text
}

/** Text from outside as it may be printed: it moves no cursor, has no colours, and does not turn the line around. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}')
}

import { environment } from './context.ts'

/** Whether a person reads standard output. */
function isTerminal(): boolean {
  return process.stdout.isTTY
}

/** Colours on a terminal that can show them, unless NO_COLOR (no-color.org) is set. */
export function mayColour(): boolean {
  const { NO_COLOR, TERM } = environment()
  return isTerminal() && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb'
}

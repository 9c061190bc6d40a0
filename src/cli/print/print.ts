import { describeError, printedBy, type WaxsealError } from '../../error/waxseal-error.ts'
import { jsonText } from '../../text/json-text.ts'
import { docsFolder } from './shipped-docs.ts'
import { type Line, onTerminal, printable, printableLines } from './terminal.ts'

/** Writes lines to stdout, each as one line whatever is in it. */
export function print(...lines: readonly Line[]): void {
  process.stdout.write(lines.map((line) => `${onTerminal(line)}\n`).join(''))
}

/** Writes one JSON document to stdout. */
export function printJson(document: unknown): void {
  process.stdout.write(`${jsonText(document)}\n`)
}

/** Writes a text of several lines to stdout. */
export function printText(text: string): void {
  process.stdout.write(`${printableLines(text)}\n`)
}

/** Writes one error to stderr, with the command that explains it. */
export function printError(error: WaxsealError): void {
  const text = withDocs(printable(describeError(error)))
  const said = printedBy(error).map((line) => `  it printed: ${printable(line)}\n`)
  process.stderr.write(`waxseal: ${error.code}: ${text}\n${said.join('')}  ${whatToDo(error.code)}\n`)
}

/** The command that explains an error, wherever one is shown. */
export function whatToDo(code: string): string {
  return `waxseal explain ${code} says what to do.`
}

/** Pages of the documentation by where they are on this host. */
export function withDocs(text: string): string {
  return text.replaceAll(/(?<![\w/])docs\/(?=[\w-]+\.(md|yaml))/g, docsFolder)
}

import { describeError, type WaxsealError } from '../error/waxseal-error.ts'
import { docsFolder } from './shipped-docs.ts'
import { printable } from './terminal.ts'

/** Writes lines to stdout. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}

/** Writes one JSON document to stdout. */
export function printJson(document: unknown): void {
  print(JSON.stringify(document, null, 2))
}

/** Writes one error to stderr, with the command that explains it. */
export function printError(error: WaxsealError): void {
  const text = withDocs(printable(describeError(error)))
  process.stderr.write(`waxseal: ${error.code}: ${text}\n  ${whatToDo(error.code)}\n`)
}

/** The command that explains an error, wherever one is shown. */
export function whatToDo(code: string): string {
  return `waxseal explain ${code} says what to do.`
}

/** Pages of the documentation by where they are on this host. */
export function withDocs(text: string): string {
  return text.replaceAll(/(?<![\w/])docs\/(?=[\w-]+\.(md|yaml))/g, docsFolder)
}

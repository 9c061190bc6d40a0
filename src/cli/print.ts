import { describeError, type WaxsealError } from '../error/waxseal-error.ts'

/** Writes lines to stdout. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}

/** Writes one JSON document to stdout. */
export function printJson(document: unknown): void {
  print(JSON.stringify(document, null, 2))
}

/** Writes one error to stderr, with the place that explains it. */
export function printError(error: WaxsealError): void {
  process.stderr.write(
    `waxseal: ${error.code}: ${describeError(error)}\n  docs/errors.md#${error.code.toLowerCase()} says what to do.\n`,
  )
}

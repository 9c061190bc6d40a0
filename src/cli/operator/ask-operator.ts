import { type Command, InvalidArgumentError } from 'commander'
import { nearest } from '../../error/nearest.ts'
import type { Operator } from '../../server/operator-client.ts'
import { print, printJson } from '../print/print.ts'
import { type OperatorAccess, openAccess } from './open-access.ts'
import { type Shared, withShared } from './serve.ts'

/** What every command of operators takes: from where, and as whom. */
export type OperatorOptions = Shared & OperatorAccess

/** With these options. */
export function withOperator(command: Command): Command {
  return withShared(command)
    .option(
      '--token-file <file>',
      'a file with your own operator token; default: that of the first admin, in the data directory',
    )
    .option('--url <url>', 'the control plane, from another host; default: that of the data directory')
    .option('--ca-file <file>', 'its CA (PEM); default: that of the data directory')
}

/** Asks the control plane, and prints what it says. */
export async function answer<Document>(
  options: OperatorOptions,
  ask: (operator: Operator) => Promise<Document>,
  linesOf: (document: Document) => readonly string[] = (document) => [row(document)],
): Promise<void> {
  const operator = await openAccess(options)
  try {
    const document = await ask(operator)
    if (options.json === true) printJson(document)
    else print(...linesOf(document))
  } finally {
    await operator.close()
  }
}

/** Takes one of these words; another is refused with the nearest. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text)
    if (found !== undefined) return found
    const meant = nearest(text, words)
    throw new InvalidArgumentError(meant === null ? `It is one of ${words.join(', ')}.` : `Is ${meant} meant?`)
  }
}

/** Takes a whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`It is not a whole number from ${least} to ${most}.`)
  }
}

/** What a line has no room for, `job` shows. */
function row(document: unknown): string {
  return Object.entries(document as object)
    .filter(([name, value]) => value !== null && value !== '' && name !== 'verification')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('  ')
}

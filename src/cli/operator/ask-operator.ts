import { Command, InvalidArgumentError } from 'commander'
import { nearest } from '../../error/nearest.ts'
import type { Operator } from '../../server/client/operator-client.ts'
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

/** A command that is given one thing, such as `<agent>`, and asks the control plane about it. */
export function commandOn<Document>(
  name: string,
  description: string,
  [argument, meaning]: readonly [string, string],
  ask: (operator: Operator, given: string) => Promise<Document>,
  { isJson = false }: { readonly isJson?: boolean } = {},
): Command {
  return withOperator(new Command(name))
    .description(description)
    .argument(argument, meaning)
    .action((given: string, options: OperatorOptions) =>
      answer(isJson ? { ...options, json: true } : options, (operator) => ask(operator, given)),
    )
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

/** Seconds of one of each. */
const unitS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Takes a time such as `30m`, of one of these units (`smhd`), from `leastS` to `mostS`. Returns seconds. `what` is what it is told to be. */
export function timeIn(
  units: string,
  { leastS, mostS, what }: { readonly leastS: number; readonly mostS: number; readonly what: string },
): (text: string) => number {
  return (text) => {
    const unit = text.slice(-1)
    const isTime = /^\d{1,9}[a-z]$/.test(text) && units.includes(unit)
    const seconds = isTime ? Number(text.slice(0, -1)) * (unitS[unit] ?? Number.NaN) : Number.NaN
    if (seconds >= leastS && seconds <= mostS) return seconds
    throw new InvalidArgumentError(`It is ${what}.`)
  }
}

/** What a line has no room for, `job` shows. */
function row(document: unknown): string {
  return Object.entries(document as object)
    .filter(([name, value]) => value !== null && value !== '' && name !== 'verification')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('  ')
}

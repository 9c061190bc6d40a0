import { type Command, InvalidArgumentError } from 'commander'
import { timeIn } from './ask-operator.ts'

/** How long a certificate is to be valid, as options say it. */
export interface ValidityOptions {
  readonly validity?: number
  readonly validityDays?: number
}

const usualDays = 47
const dayS = 86_400
const validityS = timeIn('mhd', { leastS: 300, mostS: 397 * dayS, what: 'a time from 5m to 397d, such as 12h or 90d' })

/** With these options. */
export function withValidity(command: Command): Command {
  return command
    .option(
      '--validity <time>',
      `how long it is valid: 12h, 90d; from 5m to 397d (default: ${usualDays}d)`,
      (text: string) => validityS(text) / dayS,
    )
    .option('--validity-days <days>', 'the same in whole days', parseDays)
}

/** In days. */
export function validityIn({ validity, validityDays }: ValidityOptions): number {
  return validity ?? validityDays ?? usualDays
}

function parseDays(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 397) return Number(text)
  throw new InvalidArgumentError('It is not a number of days from 1 to 397.')
}

import type { Command } from 'commander'
import type { Operator } from '../../server/client/operator-client.ts'
import type { Part } from '../../server/client/people-client.ts'
import { answer, type OperatorOptions, wholeNumber, withOperator } from './ask-operator.ts'

const most = 1000

/** Which part of a list is asked for. */
export interface PartOptions extends OperatorOptions {
  readonly after?: string
  readonly limit?: number
}

/** With the options by which a list is read part by part. */
export function withPart(command: Command): Command {
  return withOperator(command)
    .option('--after <key>', 'the rows after this one, as the last line of a list that goes on names it')
    .option('--limit <number>', `how many rows at most (default: ${most})`, wholeNumber(1, most))
}

/** Asks for a part of a list, and prints it; the last line says how the list goes on. */
export async function answerPart<Row>(
  options: OperatorOptions,
  ask: (operator: Operator) => Promise<Part<Row>>,
  linesOf: (rows: readonly Row[]) => readonly string[],
): Promise<void> {
  let next: string | null = null
  await answer(
    options,
    async (operator) => {
      const part = await ask(operator)
      next = part.next
      return part.rows
    },
    (rows) => [...linesOf(rows), ...(next === null ? [] : ['', `There may be more: --after ${next}`])],
  )
}

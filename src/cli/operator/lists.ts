import { Command } from 'commander'
import { oneOf } from './ask-operator.ts'
import { collectLabels } from './labels.ts'
import { operatorTable } from './operator-tables.ts'
import { answerPart, type PartOptions, withPart } from './part-of-list.ts'

const noneOfThese = 'There is none of these; without --status, --label, --agent, --target and --after all are listed.'

/** By what the rows of a list can be chosen. */
interface Filters {
  readonly isByLabel?: true
  readonly isOfAgent?: true
  readonly isOfTarget?: true
  /** The states that there are. */
  readonly status?: readonly string[]
  /** Those of CAs are left out. */
  readonly hasCas?: true
}

interface ListOptions extends PartOptions {
  readonly wide?: true
  readonly label?: readonly string[]
  readonly agent?: string
  readonly target?: string
  readonly status?: string
  readonly withCas?: true
}

/** A list of the control plane: a table, a part of it, or JSON. */
export function listCommand(
  name: 'agents' | 'targets' | 'certificates' | 'discovered' | 'jobs' | 'tokens' | 'orders',
  description: string,
  { isByLabel, isOfAgent, isOfTarget, status, hasCas }: Filters,
): Command {
  const command = withPart(new Command(name)).description(description).option('--wide', 'with the ids')
  if (isByLabel === true)
    command.option(
      '--label <name=value>',
      'only of agents with this label; given again: with all of them',
      collectLabels,
    )
  if (isOfAgent === true) command.option('--agent <agent>', 'only those of this agent, by id or name')
  if (isOfTarget === true) command.option('--target <target>', 'only those of this target, by id or name')
  if (status !== undefined)
    command.option('--status <status>', `only those that are: ${status.join(', ')}`, oneOf(status))
  if (hasCas === true) command.option('--with-cas', 'those of CAs, too')
  return command.action(async (options: ListOptions) => {
    const { after, limit, label, agent, target, status: wanted, withCas, wide } = options
    const isPart = [after, label, agent, target, wanted].some((choice) => choice !== undefined)
    const query = { after, limit, label, agent, target, status: wanted, cas: withCas === true ? 'true' : undefined }
    await answerPart(
      options,
      (operator) => operator.part(name, query),
      (rows) => (rows.length === 0 && isPart ? [noneOfThese] : operatorTable(name, rows, wide === true)),
    )
  })
}

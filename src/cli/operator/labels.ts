import { Command, InvalidArgumentError } from 'commander'
import type { ShownLabels } from '../../server/client/label-client.ts'
import type { LabelChange } from '../../server/operation/agent/label-agent.ts'
import { labelNamePattern, labelValuePattern } from '../../server/route/schemas-of-labels.ts'
import { table } from '../print/table.ts'
import { answer, type OperatorOptions, withOperator } from './ask-operator.ts'

const setting = new RegExp(`^(${labelNamePattern})=(${labelValuePattern})$`)
const removing = new RegExp(`^(${labelNamePattern})-$`)

/** `waxseal control-plane label`: what an agent is called by beside its name. */
export function labelCommand(): Command {
  return withOperator(new Command('label'))
    .description('Label an agent, by which lists and roll-outs choose it; without a change: show its labels.')
    .argument('<agent>', 'id or name')
    .argument('[change...]', 'name=value sets a label, name- removes it', collectChanges, { set: {}, remove: [] })
    .action((agent: string, change: LabelChange, options: OperatorOptions) => {
      const isChange = Object.keys(change.set).length + change.remove.length > 0
      return answer(
        options,
        (operator) => (isChange ? operator.label(agent, change) : operator.labels(agent)),
        ({ labels }: ShownLabels) =>
          Object.keys(labels).length === 0
            ? [`It has no label: waxseal control-plane label ${agent} name=value`]
            : table(['LABEL', 'VALUE'], Object.entries(labels)),
      )
    })
}

/** Of an option that may be given several times: rows of agents that have all of these labels. */
export function collectLabels(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, parseLabel(text)]
}

/** Takes one label, `name=value`. */
export function parseLabel(text: string): string {
  if (setting.test(text)) return text
  throw new InvalidArgumentError('It is no label: name=value, the name of a-z, 0-9, . and -')
}

/** All labels of an agent, in one cell. */
export function labelsCell({ labels }: Readonly<Record<string, unknown>>): string {
  if (typeof labels !== 'object' || labels === null) return '-'
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${String(value)}`)
  return pairs.length === 0 ? '-' : pairs.join(' ')
}

function collectChanges(text: string, before: LabelChange): LabelChange {
  const [, name, value] = setting.exec(text) ?? []
  if (name !== undefined && value !== undefined) return { ...before, set: { ...before.set, [name]: value } }
  const [, removed] = removing.exec(text) ?? []
  if (removed !== undefined) return { ...before, remove: [...new Set([...before.remove, removed])] }
  throw new InvalidArgumentError(
    'It is neither name=value nor name-. A name has a-z, 0-9, . and -, 63 at most; a value letters, digits and . _ : @ / + -',
  )
}

import { Command } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { ToldDane } from '../../server/client/dane-client.ts'
import { table } from '../print/table.ts'
import { answer, type OperatorOptions, wholeNumber, withOperator } from './ask-operator.ts'

interface DaneOptions extends OperatorOptions {
  readonly rollover?: true
  readonly off?: true
  readonly record?: readonly string[]
  readonly after?: string
  readonly limit?: number
}

/** `waxseal control-plane dane`: whose TLSA records are kept right, what is published, and what people have to publish. */
export function daneCommand(): Command {
  return withOperator(new Command('dane'))
    .description('Show what is published for DANE and what is waited for; or turn the roll-over of a target on or off.')
    .argument('[target]', 'id or name; without it all targets with roll-over')
    .option('--rollover', 'hand out no key before its TLSA records are everywhere, and publish them')
    .option('--off', 'leave the records to people; those that are there stay')
    .option('--record <name...>', 'with --rollover: where the records are, such as _25._tcp.mx.example.org')
    .option('--after <target>', 'the targets after this one, as the last line of a list that goes on names it')
    .option('--limit <number>', 'how many targets at most', wholeNumber(1, 1000))
    .action(async (target: string | undefined, options: DaneOptions) => {
      const { rollover, off, record, after, limit } = options
      requireOneWord(target, options)
      if (target !== undefined && (rollover === true || off === true)) {
        const body = { rollover: rollover === true, ...(record === undefined ? {} : { records: record }) }
        return answer(
          options,
          (operator) => operator.turnDane(target, body),
          ({ names }) => turnLines(target, names),
        )
      }
      if (target !== undefined) return answer(options, (operator) => operator.daneOf(target), daneLines)
      let next: string | null = null
      await answer(
        options,
        async (operator) => {
          const part = await operator.dane({ after, limit })
          next = part.next
          return part.rows
        },
        (rows) => [
          ...(rows.length === 0
            ? ['No target has roll-over.', 'Next: waxseal control-plane dane TARGET --rollover']
            : []),
          ...rows.flatMap((told, place) => [...(place === 0 ? [] : ['']), ...daneLines(told)]),
          ...(next === null ? [] : ['', `There may be more: --after ${next}`]),
        ],
      )
    })
}

function requireOneWord(target: string | undefined, { rollover, off, record }: DaneOptions): void {
  const isTurn = rollover === true || off === true
  const reason =
    rollover === true && off === true
      ? 'it is --rollover or --off'
      : isTurn && target === undefined
        ? 'name the target, too'
        : record !== undefined && rollover !== true
          ? '--record goes with --rollover'
          : null
  if (reason !== null) throw new WaxsealError('CONFIG_INVALID', { option: '--rollover', reason })
}

function turnLines(target: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return ['Roll-over is off. The records that are there stay: they are yours now.']
  return [
    `Roll-over is on. Deployments wait for the records at ${names.join(', ')}.`,
    `Next: waxseal control-plane dane ${target}`,
  ]
}

/** One target: its records, what a person has to do, and what waits. */
function daneLines({ target, agent, names, waiting }: ToldDane): readonly string[] {
  const publish = names.flatMap((name) => name.publish)
  const remove = names.flatMap((name) => name.remove)
  return [
    `${target} on ${agent}`,
    ...table(
      ['NAME', 'RECORD', 'KEY', 'STATE'],
      names.flatMap(({ name, records }) =>
        records.map((record) => [name, record.value, keyWords[record.key], stateOf(record)]),
      ),
    ),
    ...names.flatMap(({ name, problem, looked_at: at }) => [
      ...(problem === null ? [] : [`${name}: ${problem}`]),
      ...(at === null ? [`${name} was not looked at yet.`] : []),
    ]),
    ...(publish.length === 0 ? [] : ['', 'Publish, in one change of the zone:', ...publish.map((line) => `  ${line}`)]),
    ...(remove.length === 0 ? [] : ['', 'Remove:', ...remove.map((line) => `  ${line}`)]),
    ...waiting.map(({ job_id: id, type }) => `${type} ${id} waits for these records.`),
  ]
}

const keyWords = {
  served: 'served, or may be',
  awaited: 'of a job or a CSR',
  next: 'next',
  unneeded: 'not needed any more',
} as const

type ToldRecord = ToldDane['names'][number]['records'][number]

function stateOf({ state, usable, usable_at: at, matched_by_other: isByOther }: ToldRecord): string {
  const by = isByOther ? ', by another record' : ''
  if (state === 'published' && usable) return `usable${by}`
  if (state === 'published') return `everywhere${by}; usable from ${at?.slice(0, 19) ?? '?'}`
  if (state === 'publishing') return 'published, and not seen everywhere yet'
  return state
}

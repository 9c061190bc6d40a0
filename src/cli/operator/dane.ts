import { Command } from 'commander'
import { WaxsealError } from '../../error/waxseal-error.ts'
import type { ToldDane } from '../../server/client/dane-client.ts'
import { table } from '../print/table.ts'
import { answer } from './ask-operator.ts'
import { answerPart, type PartOptions, withPart } from './part-of-list.ts'

interface DaneOptions extends PartOptions {
  readonly rollover?: true
  readonly off?: true
  readonly record?: readonly string[]
}

const examples = `
KEY: served, or may be: of the live certificate; of a job or a CSR: of a certificate that is under way; next: of the next renewal.
STATE: wanted: not in the zone yet; usable: senders know it, and the key may be served; leaving, removing: nobody needs it any more.

Examples:
  waxseal control-plane dane                           what is there, and what is to be done
  waxseal control-plane dane postfix --off             leave its records to people
  waxseal control-plane dane postfix --rollover --record _25._tcp.mx.example.org`

/** `waxseal control-plane dane`: whose TLSA records are kept right, what is published, and what people have to publish. */
export function daneCommand(): Command {
  return withPart(new Command('dane'))
    .description('Show what is published for DANE and what is waited for; or turn the roll-over of a target on or off.')
    .argument('[target]', 'id or name; without it all targets with roll-over')
    .option('--rollover', 'hand out no key before its TLSA records are everywhere, and publish them')
    .option('--off', 'leave the records to people; those that are there stay')
    .option('--record <name...>', 'with --rollover: where the records are, such as _25._tcp.mx.example.org')
    .addHelpText('after', examples)
    .action((target: string | undefined, options: DaneOptions) => {
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
      return answerPart(
        options,
        (operator) => operator.dane({ after, limit }),
        (rows) =>
          rows.length === 0
            ? ['No target has roll-over.', 'Next: waxseal control-plane dane TARGET --rollover']
            : rows.flatMap((told, place) => [...(place === 0 ? [] : ['']), ...daneLines(told)]),
      )
    })
}

function requireOneWord(target: string | undefined, { rollover, off, record }: DaneOptions): void {
  const isTurn = rollover === true || off === true
  const reason =
    rollover === true && off === true
      ? 'give --rollover or --off, not both'
      : isTurn && target === undefined
        ? 'name the target, too'
        : record !== undefined && rollover !== true
          ? '--record goes with --rollover'
          : null
  if (reason !== null) throw new WaxsealError('USAGE_INVALID', { reason })
}

function turnLines(target: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return ['Roll-over is off. The records that are there stay: they are yours now.']
  return [
    `Roll-over is on. Deployments wait for the records at ${names.join(', ')}.`,
    `Next: waxseal control-plane dane ${target}`,
  ]
}

/** One target: its records, what a person has to do, and what waits. */
export function daneLines({ target, agent, names, waiting }: ToldDane): readonly string[] {
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
    ...waiting.map(
      ({ job_id: id, type, usable_at: at }) =>
        `${type} ${id} waits for these records${at === null ? '' : `, until ${utc(at)}`}.`,
    ),
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
  if (state === 'published') return `everywhere${by}; usable from ${at === null ? '?' : utc(at)}`
  if (state === 'publishing') return 'published, and not seen everywhere yet'
  return state
}

function utc(at: string): string {
  return `${at.slice(0, 19)} UTC`
}

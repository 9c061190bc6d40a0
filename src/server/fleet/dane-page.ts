import { type Html, html } from '../../page/html.ts'
import { list } from '../../page/page-words.ts'
import { byHand } from '../dane/by-hand.ts'
import type { ShownRecord, ShownRollover } from '../operation/dane/show-rollovers.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { RolloverNameRow } from '../store/rollover-rows.ts'
import { listPage, type Query } from './list-page.ts'
import { counted, dateAt } from './words.ts'

/** Targets whose TLSA records are kept right, by name. */
export function danePage(listed: Listed<ShownRollover>, query: Query, viewer: Caller): string {
  return listPage({
    path: '/fleet/dane',
    title: 'DANE',
    order: 'By name',
    command: 'waxseal control-plane dane',
    viewer,
    query,
    listed,
    fields: [],
    heads: ['Target', 'Host', 'Records', 'What is waited for'],
    cells: cellsOf,
    none: 'No target has roll-over.',
  })
}

function cellsOf({ rollover, names, waiting }: ShownRollover): readonly Html[] {
  return [
    html`<strong>${rollover.targetName}</strong>`,
    html`${rollover.agentName}`,
    html`${names.map(({ name, records }) => html`<p>${name.name}</p><ul class="plain">${records.map((record) => html`<li>${stateOf(record)}</li>`)}</ul>`)}`,
    html`${list(
      [
        ...names.flatMap(({ name }) => (name.problem === null ? [] : [`${name.name}: ${name.problem}`])),
        ...names.flatMap(({ name, records }) => handWords(name, records)),
        ...(waiting.length === 0 ? [] : [`${counted(waiting.length, 'job waits', 'jobs wait')} for these records`]),
      ],
      'plain',
    )}`,
  ]
}

const whyWords = {
  served: 'served',
  awaited: 'of a job or a CSR',
  next: 'next',
  unneeded: 'not needed any more',
} as const

function stateOf({ row, why, isUsable }: ShownRecord): Html {
  const { state, spki, seenAt, waitMs } = row
  const key = html`<code>${spki.slice(0, 12)}</code> <span class="soft">${whyWords[why]}</span>`
  if (isUsable) return html`<span class="good">usable</span> ${key}`
  if (state === 'published' && seenAt !== null) return html`usable from ${dateAt(seenAt + waitMs)} ${key}`
  return html`<span class="${state === 'wanted' ? 'warn' : 'soft'}">${state}</span> ${key}`
}

function handWords(name: RolloverNameRow, records: readonly ShownRecord[]): readonly string[] {
  const { publish, remove } = byHand(
    name,
    records.map(({ row }) => row),
  )
  return [...publish.map((line) => `Publish: ${line}`), ...remove.map((line) => `Remove: ${line}`)]
}

import { type Html, html } from '../../page/html.ts'
import { list } from '../../page/page-words.ts'
import { usableAt } from '../dane/observe.ts'
import type { ShownRecord, ShownRollover, WaitingJob } from '../operation/dane/show-rollovers.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { RolloverNameRow } from '../store/rollover-rows.ts'
import { listPage, type Query } from './list-page.ts'
import { hostLink } from './sections.ts'
import { counted, dateAt, whenAt } from './words.ts'

/** Of the records of a name. */
const mostSeen = 8

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
    fields: [{ name: 'host', label: 'Of the host', value: query['host'] }],
    heads: ['Target', 'Host', ...daneHeads.slice(1)],
    cells: (shown, now) => {
      const [target, ...rest] = daneCells(shown, now)
      return [target, hostLink(shown.rollover.agentName), ...rest]
    },
    none: 'No such target has roll-over: waxseal control-plane dane TARGET --rollover turns it on.',
  })
}

/** Headings of `daneCells`. */
export const daneHeads = ['Target', 'Records', 'What is to be done, and what waits'] as const

/** A target: the records of its keys, what the zone has, what is wrong, what a person has to do, and which jobs wait until when. */
export function daneCells({ rollover, names, waiting }: ShownRollover, now: number): readonly [Html, ...Html[]] {
  const todo = names.flatMap(({ name, publish, remove }) => [
    ...(name.problem === null ? [] : [html`<span class="bad">${name.name}</span>: ${name.problem}`]),
    ...publish.map((line) => html`Publish: ${line}`),
    ...remove.map((line) => html`Remove: ${line}`),
  ])
  const all = [...todo, ...waiting.map(waitWords)]
  return [
    html`<strong>${rollover.targetName}</strong>`,
    html`${names.map(({ name, records }) => recordsOf(name, records, now))}`,
    all.length === 0
      ? html`<span class="soft">nothing</span>`
      : html`<ul class="plain">${all.map((one) => html`<li>${one}</li>`)}</ul>`,
  ]
}

function recordsOf(name: RolloverNameRow, records: readonly ShownRecord[], now: number): Html {
  const { name: owner, endName, seen, lookedAt } = name
  const more = seen.length - mostSeen
  const shown = [...seen.slice(0, mostSeen), ...(more > 0 ? [`and ${counted(more, 'record')} more`] : [])]
  return html`<p>${owner}${endName === null || endName === owner ? html`` : html`, an alias of ${endName}`}</p>
<ul class="plain">${records.map((record) => html`<li>${stateOf(record)}</li>`)}</ul>
${
  lookedAt === null
    ? html`<p class="soft">It was not looked at yet.</p>`
    : html`<p class="soft">${seen.length === 0 ? 'The zone has no record' : 'The zone has'}, as of ${whenAt(lookedAt, now)}</p>${list(shown, 'plain')}`
}`
}

const whyWords = {
  served: 'served, or may be',
  awaited: 'of a job or a CSR',
  next: 'next',
  unneeded: 'not needed any more',
} as const

function stateOf({ row, why, isUsable }: ShownRecord): Html {
  const { state, spki, isByOther } = row
  const from = usableAt(row)
  const by = isByOther ? ', by another record' : ''
  const key = html`<code>${spki.slice(0, 12)}</code> <span class="soft">${whyWords[why]}${by}</span>`
  if (isUsable) return html`<span class="good">usable</span> ${key}`
  if (state === 'published' && from !== null) return html`everywhere; usable from ${dateAt(from)} ${key}`
  if (state === 'publishing') return html`published, and not seen everywhere yet ${key}`
  return html`<span class="${state === 'wanted' ? 'warn' : 'soft'}">${state}</span> ${key}`
}

function waitWords({ job: { type, id }, until }: WaitingJob): Html {
  const which = html`${type} <code>${id}</code> waits`
  return until === null
    ? html`${which} until its records are seen everywhere, and their TTLs are over`
    : html`${which} for its records until ${dateAt(until)}`
}

import { matterKinds } from '../../notice/matter.ts'
import { type Html, html } from '../../page/html.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { ShownMatter } from '../operation/matter/mutes.ts'
import type { Caller } from '../operation/operators.ts'
import { listPage, type Query } from './list-page.ts'
import { hostLink } from './sections.ts'
import { whenAt } from './words.ts'

/** What wants a person, the newest first. */
export function mattersPage(listed: Listed<ShownMatter>, query: Query, viewer: Caller): string {
  return listPage({
    path: '/fleet/matters',
    title: 'Matters',
    order: 'The newest first',
    command: 'waxseal control-plane matters',
    viewer,
    query,
    listed,
    fields: [
      { name: 'host', label: 'Of the host', value: query['host'] },
      {
        name: 'kind',
        label: 'Kind',
        value: query['kind'],
        options: [['', 'all'], ...matterKinds.map((kind) => [kind, kind] as const)],
      },
    ],
    heads: ['What', 'Kind', 'Host', 'Since', 'People'],
    cells: cellsOf,
    none: 'No such matter is open. Matters are looked for only where notify is set in the configuration of the control plane.',
  })
}

function cellsOf(
  { id, kind, code, agent, target, text, openedAt, toldAt, isMuted }: ShownMatter,
  now: number,
): readonly Html[] {
  const told = toldAt === null ? html`not told yet` : html`told ${whenAt(toldAt, now)}`
  return [
    html`${target === null ? html`` : html`<strong>${target}</strong> `}${text} <code class="soft">${id}</code>`,
    html`${kind} <span class="soft">${code}</span>`,
    agent === null ? html`<span class="soft">–</span>` : hostLink(agent),
    whenAt(openedAt, now),
    isMuted ? html`<span class="soft">muted</span>` : told,
  ]
}

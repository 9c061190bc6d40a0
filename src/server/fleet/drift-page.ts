import { type Html, html } from '../../page/html.ts'
import { list } from '../../page/page-words.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { FleetDrift } from '../store/fleet-store.ts'
import { listPage, type Query } from './list-page.ts'
import { hostLink } from './sections.ts'
import { counted, whenTold } from './words.ts'

/** Further reasons are counted. */
const mostReasons = 5

/** Targets that are not as they were deployed, by name. */
export function driftPage(listed: Listed<FleetDrift>, query: Query, viewer: Caller): string {
  return listPage({
    path: '/fleet/drift',
    title: 'Drift',
    order: 'By name',
    command: 'waxseal control-plane targets',
    viewer,
    query,
    listed,
    fields: [{ name: 'host', label: 'Of the host', value: query['host'] }],
    heads: ['Target', 'Host', 'Seen', 'What is not as deployed'],
    cells: cellsOf,
    none: 'No target drifts so.',
  })
}

function cellsOf({ name, type, agentName, since, reasons }: FleetDrift, now: number): readonly Html[] {
  const more = reasons.length - mostReasons
  const shown = [...reasons.slice(0, mostReasons), ...(more > 0 ? [`and ${counted(more, 'reason')} more`] : [])]
  return [
    html`<strong>${name}</strong> <span class="soft">${type}</span>`,
    hostLink(agentName),
    whenTold(since, now),
    list(shown, 'plain'),
  ]
}

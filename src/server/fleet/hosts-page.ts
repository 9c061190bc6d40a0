import { type Html, html } from '../../page/html.ts'
import { badge } from '../../page/page-words.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { FleetHost } from '../store/fleet-store.ts'
import { hostWords } from './host-words.ts'
import { listPage, type Query } from './list-page.ts'
import { hostLink, linkTo } from './sections.ts'
import { counted, figure, whenAt } from './words.ts'

/** Hosts, by name. */
export function hostsPage(listed: Listed<FleetHost>, query: Query, viewer: Caller): string {
  return listPage({
    path: '/fleet/hosts',
    title: 'Hosts',
    order: 'By name',
    command: 'waxseal control-plane agents',
    viewer,
    query,
    listed,
    fields: [
      { name: 'text', label: 'Name has in it', value: query['text'] },
      { name: 'label', label: 'Label (name=value)', value: query['label'] },
      {
        name: 'state',
        label: 'State',
        value: query['state'],
        options: [['', 'any'], ...Object.entries(hostWords).map(([state, { word }]) => [state, word] as const)],
      },
      {
        name: 'two',
        label: 'Two hosts',
        value: query['two'],
        options: [
          ['', 'any'],
          ['yes', 'say that they are it'],
        ],
      },
    ],
    heads: ['Host', 'State', 'Last heard', 'Targets', 'See'],
    cells: cellsOf,
    none: 'No host is so.',
  })
}

function cellsOf(host: FleetHost, now: number): readonly Html[] {
  const { name, hostname, seenAt, targets, drifting, labels } = host
  return [
    html`<strong>${hostLink(name)}</strong>${hostname === name ? html`` : html` <span class="soft">${hostname}</span>`}${Object.entries(labels).map(([label, value]) => labelLink(label, value))}`,
    stateOf(host),
    whenAt(seenAt, now),
    html`${figure(targets)}${drifting === 0 ? html`` : html` <a href="${linkTo('/fleet/drift', { host: name })}">${badge('bad', counted(drifting, 'drifts', 'drift'))}</a>`}`,
    html`<a href="${linkTo('/fleet/certificates', { host: name })}">certificates</a>, <a href="${linkTo('/fleet/failures', { host: name })}">failures</a>`,
  ]
}

/** Leads to all hosts with this label. */
export function labelLink(name: string, value: string): Html {
  const label = `${name}=${value}`
  return html` <a class="label" href="${linkTo('/fleet/hosts', { label })}">${label}</a>`
}

/** Whether it calls, and what else is to be said of it. */
export function stateOf({ state, twinAt, twin, isHeld }: FleetHost): Html {
  const { word, kind } = hostWords[state]
  return html`${kind === null ? html`${word}` : badge(kind, word)}${twinAt === null ? html`` : html` ${badge('bad', 'Two hosts')} <span class="soft">${twin ?? ''}</span>`}${isHeld ? html` ${badge('warn', 'Asked first')}` : html``}`
}

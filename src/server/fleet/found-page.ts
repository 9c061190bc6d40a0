import { lifetimeOf, timeLeft } from '../../outcome/lifetime.ts'
import { type Html, html } from '../../page/html.ts'
import { badge } from '../../page/page-words.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { DiscoveredStatus, ListedDiscovered } from '../store/discovered-store.ts'
import { listPage, type Query } from './list-page.ts'
import { hostLink } from './sections.ts'
import { counted, dateAt, whenAt } from './words.ts'

const mostNames = 5

/** What becomes of a certificate that was found. */
const statusWords: Readonly<
  Record<DiscoveredStatus, { readonly word: string; readonly kind: 'good' | 'warn' | null }>
> = {
  new: { word: 'New', kind: 'warn' },
  bound: { word: 'Bound', kind: 'good' },
  managed: { word: 'Managed', kind: 'good' },
  gone: { word: 'Gone', kind: null },
}

/** Certificates that were found in files of hosts, in the order in which they were found. */
export function foundPage(listed: Listed<ListedDiscovered>, query: Query, viewer: Caller): string {
  return listPage({
    path: '/fleet/found',
    title: 'Found certificates',
    order: 'In the order in which they were found',
    command: 'waxseal control-plane discovered; waxseal control-plane bind FINGERPRINT --target NAME',
    viewer,
    query,
    listed,
    fields: [
      { name: 'host', label: 'Of the host', value: query['host'] },
      {
        name: 'status',
        label: 'Who takes care of it',
        value: query['status'],
        options: [['', 'any'], ...Object.entries(statusWords).map(([one, { word }]) => [one, word] as const)],
      },
    ],
    heads: ['Names', 'Host', 'State', 'Ends', 'Last told of'],
    cells: cellsOf,
    none: 'None is so. Hosts search the folders that their own configuration names (discovery.folders).',
  })
}

function cellsOf(found: ListedDiscovered, now: number): readonly Html[] {
  const { commonName, subject, sans, path, agentName, status, issuer, lastSeen, fingerprint } = found
  const { word, kind } = statusWords[status]
  const others = sans.filter((name) => name !== commonName)
  const more = others.length - mostNames
  const shown = [...others.slice(0, mostNames), ...(more > 0 ? [`and ${counted(more, 'name')} more`] : [])]
  return [
    html`<strong>${commonName === '' ? subject : commonName}</strong>${shown.length === 0 ? html`` : html` <span class="soft">${shown.join(', ')}</span>`} <span class="soft">by ${issuer}</span>`,
    html`${hostLink(agentName)} <span class="soft"><code>${path}</code></span>`,
    html`${kind === null ? html`${word}` : badge(kind, word)} <span class="soft"><code title="${fingerprint}">${fingerprint.slice(0, 12)}</code></span>`,
    endOf(found, now),
    whenAt(lastSeen, now),
  ]
}

function endOf({ notBefore, notAfter }: ListedDiscovered, now: number): Html {
  const [start, end] = [new Date(notBefore).toISOString(), new Date(notAfter).toISOString()]
  const { stage } = lifetimeOf({ notBefore: start, notAfter: end }, now)
  const left = stage === 'expired' ? badge('bad', 'Expired') : html`${timeLeft(end, now)} left`
  return html`${left} <span class="soft">${dateAt(notAfter)}</span>`
}

import { lifetimeOf, timeLeft } from '../../outcome/lifetime.ts'
import { type Html, html } from '../../page/html.ts'
import { badge } from '../../page/page-words.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { FleetCertificate } from '../store/fleet-store.ts'
import { endWords } from './end-words.ts'
import { listPage, type Query } from './list-page.ts'
import { hostLink } from './sections.ts'
import { counted, dateAt } from './words.ts'

/** Further names of a certificate are counted. */
const mostNames = 5

/** Certificates, the nearest end first. */
export function certificatesPage(listed: Listed<FleetCertificate>, query: Query, viewer: Caller): string {
  return listPage({
    path: '/fleet/certificates',
    title: 'Certificates',
    order: 'The nearest end first',
    command: 'waxseal control-plane certificates',
    viewer,
    query,
    listed,
    fields: [
      { name: 'text', label: 'A name has in it', value: query['text'] },
      { name: 'host', label: 'Of the host', value: query['host'] },
      { name: 'label', label: 'Label of the host', value: query['label'] },
      {
        name: 'ends',
        label: 'Ends',
        value: query['ends'],
        options: [['', 'any time'], ...Object.entries(endWords).map(([ends, { word }]) => [ends, word] as const)],
      },
      {
        name: 'late',
        label: 'Renewal',
        value: query['late'],
        options: [
          ['', 'any'],
          ['yes', 'is late'],
        ],
      },
      {
        name: 'trouble',
        label: 'Last error',
        value: query['trouble'],
        options: [
          ['', 'any'],
          ['yes', 'there is one'],
        ],
      },
    ],
    heads: certificateHeads,
    cells: certificateCells,
    none: 'No certificate is so.',
  })
}

/** Of a table of certificates. */
export const certificateHeads = ['Names', 'Host', 'Ends', 'Next renewal', 'Last error'] as const

/** A row of it. */
export function certificateCells(certificate: FleetCertificate, now: number): readonly Html[] {
  const { agentName, nextRenewalAt, lastError } = certificate
  return [
    namesOf(certificate),
    hostLink(agentName),
    endOf(certificate, now),
    nextRenewalAt === null ? html`<span class="soft">none planned</span>` : plannedAt(nextRenewalAt, now),
    lastError === null ? html`<span class="soft">–</span>` : html`${lastError}`,
  ]
}

function namesOf({ commonName, sans, number, revokedAt }: FleetCertificate): Html {
  const others = sans.filter((name) => name !== commonName)
  const more = others.length - mostNames
  const shown = [...others.slice(0, mostNames), ...(more > 0 ? [`and ${counted(more, 'name')} more`] : [])]
  return html`<strong>${commonName}</strong>${number === null ? html`` : html` <span class="soft">version ${number}</span>`}${shown.length === 0 ? html`` : html` <span class="soft">${shown.join(', ')}</span>`}${revokedAt === null ? html`` : html` ${badge('bad', 'revoked')}`}`
}

function endOf({ ends, notBefore, notAfter }: FleetCertificate, now: number): Html {
  const { word, kind } = endWords[ends]
  const state = kind === null || kind === 'good' ? html`${word}` : badge(kind, word)
  if (notBefore === null || notAfter === null) return state
  const [start, end] = [new Date(notBefore).toISOString(), new Date(notAfter).toISOString()]
  const { used, stage } = lifetimeOf({ notBefore: start, notAfter: end }, now)
  const life =
    stage === 'expired' ? 'expired' : `${timeLeft(end, now)} left, ${Math.floor(used * 100)} % of its life gone`
  return html`${state}${stage === 'late' ? html` ${badge('bad', 'late')}` : html``} <span class="soft">${dateAt(notAfter)}, ${life}</span>`
}

function plannedAt(time: number, now: number): Html {
  return time <= now ? badge('warn', 'due') : dateAt(time)
}

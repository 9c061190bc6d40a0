import { type Html, html } from '../../page/html.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { FleetFailure } from '../store/fleet-store.ts'
import type { JobType } from '../store/rows.ts'
import { listPage, type Query } from './list-page.ts'
import { hostLink } from './sections.ts'
import { whenAt } from './words.ts'

/** What a job is for, in words. */
const typeWords: Readonly<Record<JobType, string>> = {
  Issuance: 'Issuance',
  Renewal: 'Renewal',
  Deployment: 'Deployment',
  Validation: 'Validation',
  TakeBack: 'Take-back',
  Challenge: 'Challenge of a CA',
}
/** Of how many days failures are shown. */
export const failureDays = ['1', '7', '30'] as const

/** Jobs that failed, the newest first. */
export function failuresPage(listed: Listed<FleetFailure>, query: Query, viewer: Caller): string {
  return listPage({
    path: '/fleet/failures',
    title: 'Failures',
    order: 'The newest first',
    command: 'waxseal control-plane jobs --status Failed; waxseal explain CODE',
    viewer,
    query,
    listed,
    fields: [
      { name: 'host', label: 'Of the host', value: query['host'] },
      { name: 'code', label: 'Code; none: without one', value: query['code'] },
      {
        name: 'type',
        label: 'Kind',
        value: query['type'],
        options: [['', 'any'], ...Object.entries(typeWords)],
      },
      {
        name: 'days',
        label: 'Of the last',
        value: query['days'] ?? '7',
        options: failureDays.map((days) => [days, days === '1' ? 'day' : `${days} days`] as const),
      },
    ],
    heads: failureHeads,
    cells: failureCells,
    none: 'No job has failed so.',
  })
}

/** Of a table of failures. */
export const failureHeads = ['When', 'What', 'Host', 'Error'] as const

/** A row of it. */
export function failureCells(job: FleetFailure, now: number): readonly Html[] {
  const { id, type, agentName, targetName, commonName, error, updatedAt, isReaped } = job
  return [
    whenAt(updatedAt, now),
    html`${typeWords[type]} of ${commonName}${targetName === null ? html`` : html` to ${targetName}`} <span class="soft"><code>${id}</code></span>`,
    hostLink(agentName),
    html`${errorOf(error)}${isReaped ? html` <span class="soft">The control plane’s own word: a result that comes later takes its place.</span>` : html``}`,
  ]
}

function errorOf(error: string): Html {
  if (error === '') return html`<span class="soft">none was told</span>`
  const code = /^[A-Z0-9_]{3,64}(?=:|$)/.exec(error)?.[0]
  return code === undefined ? html`${error}` : html`<code>${code}</code>${error.slice(code.length)}`
}

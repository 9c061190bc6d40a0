import { timeLeft } from '../../outcome/lifetime.ts'
import { type Html, html } from '../../page/html.ts'
import { badge, list } from '../../page/page-words.ts'
import { table } from '../../page/table.ts'
import type { HostTarget, ShownHost } from '../operation/fleet/fleet-host.ts'
import type { Caller } from '../operation/operators.ts'
import { certificateCells, certificateHeads } from './certificates-page.ts'
import { daneCells, daneHeads } from './dane-page.ts'
import { failureCells, failureHeads } from './failures-page.ts'
import { labelLink, stateOf } from './hosts-page.ts'
import { listPage, type Query } from './list-page.ts'
import { linkTo } from './sections.ts'
import { whenAt } from './words.ts'

/** One host: whether it calls, its targets, its certificates, its TLSA records, and what failed on it. */
export function hostPage(shown: ShownHost, query: Query, viewer: Caller): string {
  const { host, targets } = shown
  return listPage({
    path: '/fleet/hosts',
    title: `Host ${host.name}`,
    order: 'Targets, by name',
    command: `waxseal control-plane targets --agent ${host.name}; certificates, jobs --agent ${host.name}`,
    viewer,
    query: { ...query, name: host.name },
    lead: leadOf(shown, targets.at),
    fields: [],
    listed: targets,
    heads: ['Target', 'Type', 'Certificate on it', 'What is not as deployed'],
    cells: cellsOf,
    none: 'It has no target yet: waxseal control-plane add-target.',
  })
}

function leadOf({ host, registeredAt, windows, certificates, failures, rollovers }: ShownHost, now: number): Html {
  const { name, hostname, seenAt, labels } = host
  const held = windows.map(
    ({ cron, forMs, timeZone }) => `${cron} for ${Math.round(forMs / 60_000)} minutes, ${timeZone}`,
  )
  const of = { host: name }
  return html`
<dl class="card">
<div><dt>State</dt><dd>${stateOf(host)}</dd></div>
<div><dt>Last heard</dt><dd>${whenAt(seenAt, now)}</dd></div>
<div><dt>Host name</dt><dd>${hostname}</dd></div>
<div><dt>Registered</dt><dd>${whenAt(registeredAt, now)}</dd></div>
<div><dt>Labels</dt><dd>${Object.keys(labels).length === 0 ? html`none` : Object.entries(labels).map(([label, value]) => labelLink(label, value))}</dd></div>
<div><dt>Renewals</dt><dd>${held.length === 0 ? html`at any time` : list(held, 'plain')}</dd></div>
</dl>
${
  certificates.length === 0
    ? html`<p>It has no certificate yet.</p>`
    : table(
        'Certificates',
        'Certificates, the nearest end first',
        certificateHeads,
        certificates.map((one) => certificateCells(one, now)),
      )
}
<p><a href="${linkTo('/fleet/certificates', of)}">All of its certificates</a>, <a href="${linkTo('/fleet/found', of)}">what was found on it</a></p>
${
  failures.length === 0
    ? html`<p>No job of it failed in the last 30 days.</p>`
    : table(
        'Failures',
        'Failures of the last 30 days, the newest first',
        failureHeads,
        failures.map((one) => failureCells(one, now)),
      )
}
${
  rollovers.length === 0
    ? html``
    : html`${table(
        'TLSA records',
        'TLSA records of its targets with roll-over',
        daneHeads,
        rollovers.map((one) => daneCells(one, now)),
      )}
<p><a href="${linkTo('/fleet/dane', of)}">All of its TLSA records</a></p>`
}
<p><a href="${linkTo('/fleet/matters', of)}">What wants a person on it</a></p>
<p><a href="${linkTo('/fleet/failures', { ...of, days: '30' })}">All of its failures</a>, <a href="${linkTo('/fleet/drift', of)}">what drifts on it</a></p>`
}

function cellsOf({ target, renewal }: HostTarget, now: number): readonly Html[] {
  const { name, type, drift } = target
  return [
    html`<strong>${name}</strong>`,
    html`${type}`,
    renewal === null ? html`<span class="soft">none was deployed</span>` : lifeOf(renewal, now),
    drift === null ? html`<span class="soft">–</span>` : list(drift.reasons, 'plain'),
  ]
}

function lifeOf({ stage, notAfter }: NonNullable<HostTarget['renewal']>, now: number): Html {
  if (stage === 'expired') return badge('bad', 'expired')
  const left = html`${timeLeft(new Date(notAfter).toISOString(), now)} left`
  return stage === 'late' ? html`${left} ${badge('bad', 'late')}` : left
}

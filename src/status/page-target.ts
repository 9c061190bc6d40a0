import { timeLeft } from '../outcome/lifetime.ts'
import { type Html, html } from '../page/html.ts'
import { badge, digest, duration, list, when } from '../page/page-words.ts'
import { table } from '../page/table.ts'
import type { LastJob, TargetStatus } from './status-document.ts'

const kinds = { failed: 'bad', drifting: 'bad', late: 'bad', due: 'warn', healthy: 'good' } as const

/** One target: its state first, then deployed, on disk, served, and its last job. */
export function targetSection(target: TargetStatus, index: number, now: number): Html {
  const { deployed, problems, state, connector } = target
  const id = `target-${index}`
  return html`
<article class="card ${kinds[state]}" id="${id}" aria-labelledby="${id}-name">
<header><h3 id="${id}-name">${target.name} <span class="soft">${connector}</span></h3>${badge(kinds[state], state)}</header>
${list(problems, 'problems')}
<dl>
${target.name === target.target ? html`` : html`<div><dt>Id</dt><dd><code>${target.target}</code></dd></div>`}
${deployed === null ? html`<div><dt>Deployed</dt><dd>nothing yet</dd></div>` : deployedFacts(deployed, now)}
<div><dt>Disk and ports looked at</dt><dd>${when(target.lookedAt, now)}</dd></div>
</dl>
${filesTable(target)}
${endpointsTable(target)}
${daneTable(target)}
${lastJob(target, id, now)}
</article>`
}

function deployedFacts(
  { names, notAfter, lifetimeUsed, sha256, at, proven }: NonNullable<TargetStatus['deployed']>,
  now: number,
): Html {
  return html`
<div><dt>Deployed</dt><dd>${digest(sha256)} ${when(at, now)}${proven ? html`` : html` ${badge('warn', 'unproven')}`}</dd></div>
<div><dt>Names</dt><dd>${names.join(', ')}</dd></div>
<div><dt>Expires</dt><dd><strong>${lifetimeUsed > 1 ? 'expired' : `${timeLeft(notAfter, now)} left`}</strong> <span class="soft">until ${notAfter.slice(0, 10)}, ${Math.floor(lifetimeUsed * 100)} % of its life gone</span></dd></div>`
}

function filesTable({ name, files }: TargetStatus): Html {
  if (files.length === 0) return html``
  return table(
    `On disk: ${name}`,
    'On disk',
    ['File', 'Role', 'Leaf', 'As deployed'],
    files.map(({ path, role, leaf, ok }) => [
      html`<code>${path}</code>`,
      html`${role}`,
      leaf === null ? html`<span class="soft">–</span>` : digest(leaf),
      ok ? badge('good', 'yes') : badge('bad', 'no'),
    ]),
  )
}

function endpointsTable({ name, endpoints, deployed }: TargetStatus): Html {
  if (deployed === null) return html``
  if (endpoints.length === 0)
    return html`<p class="soft">No port shows this certificate: it is not verified on a socket.</p>`
  return table(
    `Served: ${name}`,
    'Served',
    ['Address', 'Speaks', 'Leaf', 'As deployed'],
    endpoints.map(({ address, protocol, servername, seen, ok, decides, error }) => [
      html`<code>${address}</code>${servername === null ? html`` : html` <span class="soft">${servername}</span>`}`,
      html`${protocol}`,
      digest(seen),
      ok
        ? badge('good', 'yes')
        : html`${decides ? badge('bad', 'no') : badge('warn', 'as before')} ${error ?? 'another leaf'}`,
    ]),
  )
}

const daneKinds = { matches: 'good', mismatch: 'bad', unknown: 'warn' } as const

/** The records at each name, and whether senders that check DANE come in. */
function daneTable({ name, dane }: TargetStatus): Html {
  if (dane.length === 0) return html``
  return table(
    `DANE: ${name}`,
    'DANE',
    ['TLSA records of', 'Published', 'Live pair'],
    dane.map(({ owner, state, published, isSecure, publish, failed }) => [
      html`<code>${owner}</code>`,
      html`${list(
        published.map(({ value, matches }) => `${value}${matches ? ' (the live pair)' : ''}`),
        'plain',
      )}`,
      html`${badge(daneKinds[state], state)} ${publish === null ? (failed ?? '') : `publish ${publish}`}${isSecure || state === 'unknown' ? '' : ' (not seen by a validating resolver on loopback)'}`,
    ]),
  )
}

function lastJob({ lastJob: job }: TargetStatus, id: string, now: number): Html {
  if (job === null) return html`<p class="soft">No deployment in the history.</p>`
  return html`
<details id="${id}-job"><summary>Last job: ${job.outcome}, ${when(job.at, now)}</summary>
<dl>
<div><dt>Job</dt><dd>${job.job === null ? 'by hand' : html`<code>${job.job}</code>`}</dd></div>
<div><dt>Outcome</dt><dd>${job.outcome}; the host is ${job.host}</dd></div>
<div><dt>Message</dt><dd>${job.code === null ? html`` : html`<code>${job.code}</code> `}${job.message}${job.code === null ? html`` : html` What to do: <code>waxseal explain ${job.code}</code>`}</dd></div>
<div><dt>Took</dt><dd>${duration(job.ms)}</dd></div>
</dl>
${steps(job)}
</details>`
}

function steps({ steps: taken }: LastJob): Html {
  if (taken.length === 0) return html``
  return html`<ol class="steps">${taken.map(({ name, ms }) => html`<li><span>${name}</span> <span>${duration(ms)}</span></li>`)}</ol>`
}

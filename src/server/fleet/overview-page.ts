import { catalogue } from '../../error/catalogue.ts'
import { type Html, html } from '../../page/html.ts'
import type { Overview } from '../operation/fleet/overview.ts'
import type { Caller } from '../operation/operators.ts'
import { type Count, counts } from './counts.ts'
import { endWords } from './end-words.ts'
import { fleetPage } from './fleet-page.ts'
import { hostWords } from './host-words.ts'
import { rolloutWords } from './rollout-words.ts'
import { stateOf } from './rollouts-page.ts'
import { linkTo } from './sections.ts'
import { counted, figure } from './words.ts'

/** How all are: the worst in the heading, then what was counted. */
export function overviewPage(overview: Overview, viewer: Caller): string {
  const { kind, words } = verdict(overview)
  return fleetPage({
    title: words,
    kind,
    path: '/fleet',
    viewer,
    at: overview.at,
    command: 'waxseal control-plane agents, certificates, targets, jobs --status Failed',
    body: html`<div class="cards">
${hosts(overview)}
${certificates(overview)}
${failures(overview)}
${rollouts(overview)}
${drift(overview)}
${daneCard(overview)}
${mattersCard(overview)}
${work(overview)}
</div>`,
  })
}

/** One sentence, the worst first. */
function verdict(overview: Overview): { readonly kind: 'good' | 'warn' | 'bad'; readonly words: string } {
  const { hosts: states, certificates: all, failures: failed, drifting, dane, twins, silentKnownAt } = overview
  const expired = all.ends.expired ?? 0
  const silent = silentKnownAt === null ? (states.silent ?? 0) : 0
  const bad = [
    [expired, counted(expired, 'certificate has expired', 'certificates have expired')],
    [all.late, counted(all.late, 'renewal is late', 'renewals are late')],
    [twins, counted(twins, 'agent is two hosts', 'agents are two hosts each')],
  ] as const
  const stopped = overview.rollouts.states.find(({ state }) => state === 'stopped')?.count ?? 0
  const warn = [
    [stopped, counted(stopped, 'roll-out has stopped', 'roll-outs have stopped')],
    [dane.problems, counted(dane.problems, 'TLSA name has a problem', 'TLSA names have a problem')],
    [drifting, counted(drifting, 'target drifts', 'targets drift')],
    [silent, counted(silent, 'host is silent', 'hosts are silent')],
    [failed.count, counted(failed.count, 'job failed today', 'jobs failed today')],
  ] as const
  const said = [...bad, ...warn].filter(([count]) => count > 0).map(([, words]) => words)
  if (said.length === 0) return { kind: 'good', words: 'All is well' }
  return { kind: bad.some(([count]) => count > 0) ? 'bad' : 'warn', words: said.slice(0, 3).join(', ') }
}

function hosts({ hosts: states, twins, held, silentKnownAt }: Overview): Html {
  const lines = (['calling', 'silent', 'never', 'retired'] as const).map((state): Count => {
    const { word, kind } = hostWords[state]
    return { word, kind, count: states[state] ?? 0, link: linkTo('/fleet/hosts', { state }) }
  })
  return card(
    'hosts',
    'Hosts',
    html`
${silentKnownAt === null ? html`` : html`<p class="notice">The control plane itself was away. Who is silent is known at ${new Date(silentKnownAt).toISOString().slice(11, 16)} UTC.</p>`}
${counts(lines)}
${twins === 0 ? html`` : html`<p class="bad"><a href="${linkTo('/fleet/hosts', { two: 'yes' })}">${counted(twins, 'agent')}</a> of which two hosts say that they are it: end the copy, then <code>waxseal control-plane readmit</code> the right one.</p>`}
${held === 0 ? html`` : html`<p>${counted(held, 'host is', 'hosts are')} asked first what they have: the database was put back from a backup.</p>`}`,
  )
}

function certificates({ certificates: { ends, failing, late } }: Overview): Html {
  const lines = (['expired', 'day', 'week', 'month', 'later', 'unsigned'] as const).map((state): Count => {
    const { word, kind } = endWords[state]
    return { word, kind, count: ends[state] ?? 0, link: linkTo('/fleet/certificates', { ends: state }) }
  })
  return card(
    'certificates',
    'Certificates by their ends',
    html`
${counts(lines)}
${late === 0 ? html`` : html`<p class="bad"><a href="${linkTo('/fleet/certificates', { late: 'yes' })}">${counted(late, 'certificate')}</a> should have been renewed long ago: nine tenths of their lives are gone.</p>`}
${failing === 0 ? html`` : html`<p><a href="${linkTo('/fleet/certificates', { trouble: 'yes' })}">${counted(failing, 'certificate')}</a> with an error of the last renewal, signature or deployment.</p>`}`,
  )
}

function failures({ failures: { count, codes } }: Overview): Html {
  const shown = codes.reduce((sum, one) => sum + one.count, 0)
  const lines = codes.map(
    ({ code, count: number }): Count => ({
      word: code === '' ? 'Without a code' : code,
      kind: 'bad',
      count: number,
      link: linkTo('/fleet/failures', { code: code === '' ? 'none' : code, days: '1' }),
      ...hintOf(code),
    }),
  )
  return card(
    'failures',
    'Failures of the last day',
    html`
${count === 0 ? html`<p>No job has failed.</p>` : html`<p><a href="${linkTo('/fleet/failures', { days: '1' })}">${counted(count, 'job')}</a> failed.</p>${counts(lines)}`}
${count > shown ? html`<p class="soft">and ${figure(count - shown)} with other codes</p>` : html``}`,
  )
}

/** The sentence of a code that we know. */
function hintOf(code: string): { readonly hint?: string } {
  return Object.hasOwn(catalogue, code) ? { hint: catalogue[code as keyof typeof catalogue].message } : {}
}

function rollouts({ rollouts: { states, live } }: Overview): Html {
  if (states.length === 0) return html``
  const lines = states.map(({ state, count }): Count => {
    const { word, kind } = rolloutWords[state]
    return { word, kind, count, link: linkTo('/fleet/rollouts') }
  })
  return card(
    'rollouts',
    'Roll-outs',
    html`
${live.map((rollout) => html`<p><a href="${linkTo('/fleet/rollouts', { name: rollout.name })}">${rollout.name}</a>, wave ${rollout.wave}: ${stateOf(rollout)}</p>`)}
${counts(lines)}`,
  )
}

function drift({ drifting }: Overview): Html {
  return card(
    'drift',
    'Drift',
    drifting === 0
      ? html`<p>Each target is as it was deployed, as far as its host has looked.</p>`
      : html`${counts([{ word: 'Not as deployed', kind: 'bad', count: drifting, link: linkTo('/fleet/drift') }])}`,
  )
}

function daneCard({ dane: { problems, targets, jobs } }: Overview): Html {
  if (problems + jobs === 0) return html``
  const link = linkTo('/fleet/dane')
  const lines = [
    { word: 'Targets with a problem', kind: 'bad', count: targets, link },
    { word: 'Jobs that wait for records', kind: 'warn', count: jobs, link },
  ] as const
  return card('dane', 'TLSA records', html`${counts(lines.filter(({ count }) => count > 0))}`)
}

function mattersCard({ matters }: Overview): Html {
  if (matters.length === 0) return html``
  const lines = matters.map(
    ({ kind, count }): Count => ({ word: kind, kind: 'warn', count, link: linkTo('/fleet/matters', { kind }) }),
  )
  return card('matters', 'Matters that want a person', counts(lines))
}

function work({ open }: Overview): Html {
  const states = ['AwaitingCSR', 'Pending', 'Running'] as const
  const words = { AwaitingCSR: 'Waits for a CSR', Pending: 'Waits for its host', Running: 'Runs' } as const
  const of = (state: (typeof states)[number]): number => open.find(({ status }) => status === state)?.count ?? 0
  return card(
    'work',
    'Jobs under way',
    html`
<dl>${states.map((state) => html`<div><dt>${words[state]}</dt><dd>${figure(of(state))}</dd></div>`)}</dl>`,
  )
}

function card(id: string, title: string, body: Html): Html {
  return html`<section class="card" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>`
}

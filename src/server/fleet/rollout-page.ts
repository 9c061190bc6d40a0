import { type Html, html } from '../../page/html.ts'
import { badge } from '../../page/page-words.ts'
import { table } from '../../page/table.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { ShownRollout, ShownWave } from '../operation/rollout/show-rollout.ts'
import type { ListedRolloutTarget } from '../store/rollout-rows.ts'
import { listPage, type Query } from './list-page.ts'
import { rolloutTargetWords } from './rollout-words.ts'
import { stateOf } from './rollouts-page.ts'
import { hostLink } from './sections.ts'
import { counted, dateAt, figure, whenAt } from './words.ts'

/** One roll-out: why it stands where it does, its waves, and what became of each target. */
export function rolloutPage(
  shown: ShownRollout,
  listed: Listed<ListedRolloutTarget>,
  query: Query,
  viewer: Caller,
): string {
  const { name } = shown.rollout
  return listPage({
    path: '/fleet/rollouts',
    title: `Roll-out ${name}`,
    order: 'Targets',
    command: `waxseal control-plane rollout show ${name}; rollout resume, rollout take-back, rollout abandon`,
    viewer,
    query,
    listed,
    lead: leadOf(shown, listed.at),
    fields: [
      { name: 'name', label: '', value: name, isHidden: true },
      {
        name: 'state',
        label: 'State',
        value: query['state'],
        options: [
          ['', 'any'],
          ...Object.entries(rolloutTargetWords).map(([state, { word }]) => [state, word] as const),
        ],
      },
    ],
    heads: ['Target', 'Host', 'Wave', 'State', 'Note'],
    cells: cellsOf,
    none: 'No target of it is so.',
  })
}

function leadOf(shown: ShownRollout, now: number): Html {
  const { rollout, waves, span, isOpen } = shown
  const { action, createdAt, createdBy, stopHosts, stopShare, deadlineMs } = rollout
  const stops = [
    ...(stopHosts === null ? [] : [`at ${counted(stopHosts, 'failed host')}`]),
    ...(stopShare === null ? [] : [`at ${stopShare} % of the hosts of a wave`]),
  ]
  return html`
<dl class="card">
<div><dt>State</dt><dd>${stateOf(rollout)}</dd></div>
<div><dt>What</dt><dd>${action}, started ${whenAt(createdAt, now)} by ${createdBy.replace(/^operator:/, '')}</dd></div>
<div><dt>It stops itself</dt><dd>${stops.join(', or ')}; a host is silent after ${counted(Math.round(deadlineMs / 60_000), 'minute')}</dd></div>
${span === null ? html`` : html`<div><dt>Window</dt><dd>${isOpen ? html`open until ${dateAt(span.until)}` : html`opens ${dateAt(span.from)}`}</dd></div>`}
</dl>
${table('Waves', 'Waves', ['Wave', 'Hosts', 'Waiting', 'Under way', 'Proven', 'Failed', 'Left out'], waves.map(waveCells))}`
}

function waveCells({ wave, hosts, targets }: ShownWave): readonly Html[] {
  const { waiting, open, proven, failed, skipped } = targets
  return [
    html`${wave}`,
    html`${figure(hosts)}`,
    html`${figure(waiting)}`,
    html`${figure(open)}`,
    html`${figure(proven)}`,
    failed === 0 ? html`0` : badge('bad', figure(failed)),
    html`${figure(skipped)}`,
  ]
}

function cellsOf(target: ListedRolloutTarget): readonly Html[] {
  const { targetName, agentName, wave, state, error, isHurried, takeBackStatus, takeBackNote, jobId } = target
  const { word, kind } = rolloutTargetWords[state]
  const notes = [
    ...(error === null ? [] : [error]),
    ...(isHurried ? ['outside of the window: the end of its certificate is near'] : []),
    ...(takeBackStatus === null ? [] : [`taken back: ${takeBackStatus}`]),
    ...(takeBackNote === null ? [] : [`not taken back: ${takeBackNote}`]),
  ]
  return [
    html`<strong>${targetName}</strong>${jobId === null ? html`` : html` <span class="soft"><code>${jobId}</code></span>`}`,
    hostLink(agentName),
    html`${wave}`,
    kind === null ? html`${word}` : badge(kind, word),
    notes.length === 0 ? html`<span class="soft">–</span>` : html`${notes.join('; ')}`,
  ]
}

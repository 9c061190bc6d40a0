import { type Html, html } from '../../page/html.ts'
import { badge } from '../../page/page-words.ts'
import type { Listed } from '../operation/fleet/fleet-lists.ts'
import type { Caller } from '../operation/operators.ts'
import type { ShownRollout } from '../operation/rollout/show-rollout.ts'
import type { RolloutTargetState } from '../store/rollout-rows.ts'
import { listPage, type Query } from './list-page.ts'
import { rolloutWords } from './rollout-words.ts'
import { linkTo } from './sections.ts'
import { figure, whenAt } from './words.ts'

/** Roll-outs, the newest first. */
export function rolloutsPage(listed: Listed<ShownRollout>, query: Query, viewer: Caller): string {
  return listPage({
    path: '/fleet/rollouts',
    title: 'Roll-outs',
    order: 'The newest first',
    command: 'waxseal control-plane rollouts',
    viewer,
    query,
    listed,
    fields: [],
    heads: ['Roll-out', 'State', 'Wave', 'Proven', 'Failed', 'To do', 'Started'],
    cells: cellsOf,
    none: 'There is no roll-out: waxseal control-plane rollout start.',
  })
}

/** How many targets of it are in this state. */
function targetsOf({ waves }: ShownRollout, state: RolloutTargetState): number {
  return waves.reduce((sum, { targets }) => sum + targets[state], 0)
}

/** Its state, with why it stands still. */
export function stateOf({ state, reason }: ShownRollout['rollout']): Html {
  const { word, kind } = rolloutWords[state]
  return html`${kind === null ? html`${word}` : badge(kind, word)}${reason === null ? html`` : html` <span class="soft">${reason}</span>`}`
}

function cellsOf(shown: ShownRollout, now: number): readonly Html[] {
  const { name, action, wave, createdAt, createdBy } = shown.rollout
  const failed = targetsOf(shown, 'failed')
  return [
    html`<strong><a href="${linkTo('/fleet/rollouts', { name })}">${name}</a></strong> <span class="soft">${action}</span>`,
    stateOf(shown.rollout),
    html`${wave} of ${shown.waves.length}`,
    html`${figure(targetsOf(shown, 'proven'))}`,
    failed === 0 ? html`0` : badge('bad', figure(failed)),
    html`${figure(targetsOf(shown, 'waiting') + targetsOf(shown, 'open'))}`,
    html`${whenAt(createdAt, now)} <span class="soft">by ${createdBy.replace(/^operator:/, '')}</span>`,
  ]
}

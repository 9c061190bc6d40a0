import { type Span, windowAt } from '../../rollout/window.ts'
import type { Page } from '../../store/page.ts'
import type { ListedRolloutTarget, RolloutRow, RolloutTargetState, WaveState } from '../../store/rollout-rows.ts'
import type { Store } from '../../store/store.ts'
import type { Parts } from '../parts.ts'
import { windowOf } from './hand-out-times.ts'
import { rolloutNamed } from './rollout-named.ts'

/** Where a roll-out stands. */
export interface ShownRollout {
  readonly rollout: RolloutRow
  readonly waves: readonly ShownWave[]
  /** The window that is open, or opens next; null: it has none. */
  readonly span: Span | null
  readonly isOpen: boolean
}

/** A wave with how many of its targets are in each state. */
export interface ShownWave {
  readonly wave: number
  readonly hosts: number
  readonly targets: Readonly<Record<RolloutTargetState, number>>
}

const none = { waiting: 0, open: 0, proven: 0, failed: 0, skipped: 0 } as const

/** One roll-out, by id or name. */
export async function showRollout({ store }: Pick<Parts, 'store'>, name: string): Promise<ShownRollout> {
  return withWaves(store, await rolloutNamed(store, name))
}

/** Roll-outs, newest first. */
export async function listRollouts({ store }: Pick<Parts, 'store'>, page: Page): Promise<readonly ShownRollout[]> {
  const shown: ShownRollout[] = []
  for (const rollout of await store.rollouts.list(page)) shown.push(await withWaves(store, rollout))
  return shown
}

/** Targets of a roll-out with what became of them, by id of the target. */
export async function listRolloutTargets(
  { store }: Pick<Parts, 'store'>,
  name: string,
  page: Page,
  state?: RolloutTargetState,
): Promise<readonly ListedRolloutTarget[]> {
  const { id } = await rolloutNamed(store, name)
  return store.rollouts.listTargets(id, page, state)
}

async function withWaves(store: Store, rollout: RolloutRow): Promise<ShownRollout> {
  const [at, states, counts] = [
    await store.now(),
    await store.rollouts.waveStates(rollout.id),
    await store.rollouts.waveCounts(rollout.id),
  ]
  const window = windowOf(rollout)
  const span = window === null ? null : windowAt(window, at)
  const waves = counts.map(({ wave, hosts }) => ({ wave, hosts, targets: targetsIn(states, wave) }))
  return { rollout, waves, span, isOpen: span !== null && span.from <= at }
}

function targetsIn(states: readonly WaveState[], wave: number): ShownWave['targets'] {
  const its = states.filter((one) => one.wave === wave).map(({ state, targets }) => [state, targets] as const)
  return { ...none, ...Object.fromEntries(its) }
}

import type { RolloutState, RolloutTargetState } from '../store/rollout-rows.ts'

interface Word {
  readonly word: string
  readonly kind: 'good' | 'warn' | 'bad' | null
}

/** What the state of a roll-out is called, and how it is. */
export const rolloutWords: Readonly<Record<RolloutState, Word>> = {
  running: { word: 'Under way', kind: null },
  stopped: { word: 'Stopped', kind: 'bad' },
  done: { word: 'Done', kind: 'good' },
  abandoned: { word: 'Abandoned', kind: null },
  'taking-back': { word: 'Going back', kind: 'warn' },
  'taken-back': { word: 'Taken back', kind: null },
}

/** The same of one of its targets. */
export const rolloutTargetWords: Readonly<Record<RolloutTargetState, Word>> = {
  waiting: { word: 'Waiting', kind: null },
  open: { word: 'Under way', kind: null },
  proven: { word: 'Proven', kind: 'good' },
  failed: { word: 'Failed', kind: 'bad' },
  skipped: { word: 'Left out', kind: null },
}

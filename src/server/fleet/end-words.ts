import type { EndState } from '../store/fleet-store.ts'

/** What is said of a certificate by its end, and how it is. */
export const endWords: Readonly<
  Record<EndState, { readonly word: string; readonly kind: 'good' | 'warn' | 'bad' | null }>
> = {
  expired: { word: 'Expired', kind: 'bad' },
  day: { word: 'Within a day', kind: 'warn' },
  week: { word: 'Within 7 days', kind: null },
  month: { word: 'Within 30 days', kind: null },
  later: { word: 'Later', kind: 'good' },
  unsigned: { word: 'Not signed yet', kind: 'warn' },
  unused: { word: 'Not renewed any more', kind: null },
}

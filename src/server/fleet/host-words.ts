import type { HostState } from '../store/fleet-store.ts'

/** What the state of a host is called, and how it is. */
export const hostWords: Readonly<Record<HostState, { readonly word: string; readonly kind: 'good' | 'warn' | null }>> =
  {
    calling: { word: 'Calling', kind: 'good' },
    silent: { word: 'Silent', kind: 'warn' },
    never: { word: 'Not heard yet', kind: 'warn' },
    retired: { word: 'Retired', kind: null },
  }

import type { AcmeCaOptions, Trouble } from './acme-ca.ts'

/** What all books of one CA share. */
export interface CaDesk {
  readonly options: AcmeCaOptions & { readonly now: () => number }
  readonly counts: Map<string, number>
  trouble: Trouble | null
}

const usualLives: Readonly<Record<string, number>> = { default: 90 * 86_400_000 }

/** How long certificates live, by the profile's name, in milliseconds. */
export function livesOf({ options }: CaDesk): Readonly<Record<string, number>> {
  return options.lives ?? usualLives
}

/** One more of these. */
export function count({ counts }: CaDesk, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

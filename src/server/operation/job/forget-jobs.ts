import type { Store } from '../../store/store.ts'

/** Longer than the longest life of a certificate: a year and what is needed to look into it. */
const jobsKeptMs = 400 * 86_400_000

/** At each look; the next one goes on behind it. */
const mostAtOnce = 1000

/** Looks through old jobs, part by part, and removes what later ones made the past. The audit trail has what was done. */
export class OldJobs {
  readonly #store: Pick<Store, 'jobs' | 'now'>
  #after = 0

  constructor(store: Pick<Store, 'jobs' | 'now'>) {
    this.#store = store
  }

  /** One part; behind the last one it begins again. */
  async forget(): Promise<void> {
    const before = (await this.#store.now()) - jobsKeptMs
    this.#after = (await this.#store.jobs.forget(before, this.#after, mostAtOnce)) ?? 0
  }
}

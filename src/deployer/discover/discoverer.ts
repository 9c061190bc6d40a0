import type { Discovery, Place } from '../../documents/discovery.ts'
import type { Clock } from '../../host/clock.ts'
import { limits } from '../../limit/limits.ts'
import { fitting } from '../serve/fitting.ts'
import { type Found, findCertificates } from './find-certificates.ts'
import { keyOf, type ToldPlaces } from './told-places.ts'

/** What discovery needs of this host. */
export interface DiscovererParts {
  /** As the configuration has them now. */
  readonly folders: () => Promise<readonly string[]>
  /** What is below it is ours, and is not searched. */
  readonly stateDir: string
  readonly told: ToldPlaces
  readonly clock: Pick<Clock, 'now'>
  /** Ends a search. */
  readonly closing: AbortSignal
}

/** Who was told this long ago, in milliseconds, is told again: it may have been put back from a backup since. Thirty days. */
const againMs = 30 * 86_400_000

/** The pages of one search, and whoever asks without an end: in this time, in milliseconds, what was found is not looked for again. */
const freshMs = 60_000

const pageBytes = 3 * 1024 * 1024
const longestPage = 1000

/** Says what certificates are in the folders of `discovery.folders`, and only what is new to who listens. */
export class Discoverer {
  readonly #parts: DiscovererParts
  #searching: Promise<unknown> = Promise.resolve()
  #last: { readonly folders: string; readonly at: number; readonly found: Found } | null = null

  constructor(parts: DiscovererParts) {
    this.#parts = parts
  }

  /** One search at a time, and one a minute. */
  discover(listener: string): Promise<Discovery> {
    const searching = this.#searching.then(() => this.#discover(listener))
    this.#searching = searching.catch(() => {})
    return searching
  }

  /** It has heard of these. Durable when it returns. */
  note(listener: string, certificates: readonly Place[], gone: readonly Place[]): Promise<void> {
    const { told, clock } = this.#parts
    return told.note(listener, certificates, gone, clock.now())
  }

  async #discover(listener: string): Promise<Discovery> {
    const { told, clock } = this.#parts
    const folders = await this.#parts.folders()
    const began = performance.now()
    const { certificates, errors, isWhole } = await this.#search(folders)
    const known = await told.read(listener)
    const since = clock.now() - againMs
    const isNew = (place: Place): boolean => !((known.get(keyOf(place))?.at ?? 0) > since)
    const news = [...certificates.values()].filter(isNew)
    const page = fitting(news, pageBytes, longestPage)
    const allGone = isWhole
      ? [...known].filter(([key]) => !certificates.has(key)).map(([, { sha256, path }]) => ({ sha256, path }))
      : []
    const gone = fitting(allGone, pageBytes / 4, longestPage)
    return {
      folders,
      certificates: page,
      isMore: page.length < news.length || gone.length < allGone.length,
      gone,
      errors,
      ms: Math.round(performance.now() - began),
    }
  }

  async #search(folders: readonly string[]): Promise<Found> {
    const { stateDir, clock, closing } = this.#parts
    const age = clock.now() - (this.#last?.at ?? 0)
    if (this.#last?.folders === JSON.stringify(folders) && age >= 0 && age < freshMs) return this.#last.found
    const signal = AbortSignal.any([closing, AbortSignal.timeout(limits.searchTime.most)])
    const found = await findCertificates(folders, stateDir, signal)
    const last = { folders: JSON.stringify(folders), at: clock.now(), found }
    this.#last = last
    // A deployer that stays keeps no megabytes for the next search.
    setTimeout(() => {
      if (this.#last === last) this.#last = null
    }, freshMs).unref()
    return found
  }
}

/** How much a key may have. */
export interface Allowance {
  readonly perSecond: number
  readonly burst: number
  /** As many buckets there are at most. */
  readonly mostKeys: number
}

/** Of requests (protocol §1). */
const usual: Allowance = { perSecond: 50, burst: 100, mostKeys: 10_000 }
const inPlaceMs = 100
/** For all who come while there is no room. */
const others = ''

interface Bucket {
  readonly tokens: number
  readonly at: number
  /** Since when it has its place: the order of the map is that of the last use, to a tenth of a second. */
  readonly placedAt: number
}

/**
 * A token bucket per key: by default 50 requests a second, 100 at once, 10,000 buckets. One is forgotten when it is full again and
 * never before, so that nobody gets rid of an empty one, and a flood of new keys shares one bucket.
 */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>()
  readonly #allowance: Allowance

  constructor(allowance = usual) {
    this.#allowance = allowance
  }

  /** Whether the next request may come, which is counted then. `now` in milliseconds. */
  take(key: string, now: number): boolean {
    const mine = this.#keyOf(key, now)
    const left = this.#tokens(mine, now)
    const isFree = left >= 1
    const placedAt = this.#buckets.get(mine)?.placedAt ?? Number.NaN
    // A key that is taken out and put in again all the time leaves a chain of what was there, which each look at it goes along.
    const isInPlace = now >= placedAt && now - placedAt < inPlaceMs
    if (!isInPlace) this.#buckets.delete(mine)
    const tokens = isFree ? left - 1 : left
    this.#buckets.set(mine, { tokens, at: now, placedAt: isInPlace ? placedAt : now })
    return isFree
  }

  /** The same, without counting. */
  isFree(key: string, now: number): boolean {
    return this.#tokens(this.#keyOf(key, now), now) >= 1
  }

  #keyOf(key: string, now: number): string {
    if (this.#buckets.has(key)) return key
    const { perSecond, burst, mostKeys } = this.#allowance
    // So long after its last request a bucket is full again, and says nothing any more.
    const fullAgainMs = (burst / perSecond) * 1000
    for (const [oldest, { at }] of this.#buckets) {
      // A clock that was set back would keep them for ever.
      if (now >= at && now - at < fullAgainMs) break
      this.#buckets.delete(oldest)
    }
    return this.#buckets.size < mostKeys ? key : others
  }

  #tokens(key: string, now: number): number {
    const { perSecond, burst } = this.#allowance
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now }
    return Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
  }
}
